//! Tables of timetables: what they mean, how they are written back, what is refused.

use super::*;

const M: u64 = 1_000_000;

/// The limit at `mon 08:00`.
fn at(timetable: &Timetable, moment: &str) -> Option<u64> {
    let (day, clock) = moment.split_once(' ').unwrap();
    let (hour, minute) = clock.split_once(':').unwrap();
    let day = DAYS.iter().position(|name| name.starts_with(day)).unwrap();
    let minute = hour.parse::<u16>().unwrap() * 60 + minute.parse::<u16>().unwrap();
    timetable.limit_at(u8::try_from(day).unwrap(), minute)
}

#[test]
fn of_the_pieces_that_fit_the_first_counts_and_then_the_rest() {
    let office = "mon-fri 08:00-18:00 20MB/s; 100MB/s";
    for (text, moments) in [
        (
            "20MB/s",
            &[("mon 00:00", Some(20)), ("sun 23:59", Some(20))][..],
        ),
        ("off", &[("mon 00:00", None)]),
        (
            office,
            &[
                ("mon 07:59", Some(100)),
                ("mon 08:00", Some(20)),
                ("fri 17:59", Some(20)),
                ("fri 18:00", Some(100)),
                ("sat 12:00", Some(100)),
                ("sun 12:00", Some(100)),
            ],
        ),
        // The rest may stand anywhere.
        (
            "100M; mon-fri 8-18 20M",
            &[("mon 08:00", Some(20)), ("sat 08:00", Some(100))],
        ),
        // Without a rest there is no limit.
        (
            "08:00-18:00 5M",
            &[("sun 08:00", Some(5)), ("sun 18:00", None)],
        ),
        (
            "fri 22:00-06:00 off; 1M",
            &[
                ("fri 05:00", Some(1)),
                ("fri 21:59", Some(1)),
                ("fri 22:00", None),
                ("sat 05:59", None),
                ("sat 06:00", Some(1)),
                ("sat 23:00", Some(1)),
            ],
        ),
        // Over the end of the week.
        (
            "sun 22:00-06:00 2M; 1M",
            &[("mon 05:59", Some(2)), ("mon 06:00", Some(1))],
        ),
        (
            "sat-mon 3M; 1M",
            &[
                ("sat 00:00", Some(3)),
                ("sun 00:00", Some(3)),
                ("mon 23:59", Some(3)),
                ("tue 00:00", Some(1)),
                ("fri 23:59", Some(1)),
            ],
        ),
        (
            "mon 12:00-13:00 9M; mon-fri 8:00-18:00 2M; off",
            &[("mon 12:30", Some(9)), ("mon 13:00", Some(2))],
        ),
        (
            "sat,sun off; 18:00-24:00 50M; 10M",
            &[
                ("sat 19:00", None),
                ("mon 23:59", Some(50)),
                ("tue 00:00", Some(10)),
            ],
        ),
    ] {
        let timetable = Timetable::parse(text).unwrap();
        for (moment, limit) in moments {
            let limit = limit.map(|megabytes: u64| megabytes * M);
            assert_eq!(at(&timetable, moment), limit, "{text} at {moment}");
        }
    }
}

#[test]
fn a_timetable_is_written_so_that_it_can_be_read_again() {
    for (text, written) in [
        ("20 MB/s", "20MB/s"),
        ("1000000", "1MB/s"),
        ("512k", "512kB/s"),
        ("OFF", "off"),
        (
            "Monday - Friday  8:00 - 18:00 20M ; 100M;",
            "mon-fri 08:00-18:00 20MB/s; 100MB/s",
        ),
        (
            "100M; 8-18 mon , wed-fri 20M",
            "mon,wed-fri 08:00-18:00 20MB/s; 100MB/s",
        ),
        ("mon-sun 22-6 1M", "22:00-06:00 1MB/s; off"),
        ("fri-mon 1M", "mon,fri-sun 1MB/s; off"),
        ("mon-sun 1M; 2M", "mon-sun 1MB/s; 2MB/s"),
    ] {
        let timetable = Timetable::parse(text).unwrap();
        assert_eq!(timetable.to_string(), written, "{text}");
        assert_eq!(Timetable::parse(written).unwrap(), timetable, "{text}");
    }
}

#[test]
fn what_has_no_pieces_is_constant_and_what_is_always_off_unlimited() {
    let facts = |text: &str| {
        let timetable = Timetable::parse(text).unwrap();
        (timetable.is_constant(), timetable.is_unlimited())
    };
    assert_eq!(facts("1M"), (true, false));
    assert_eq!(facts("off"), (true, true));
    assert_eq!(facts("sat off"), (false, true));
    assert_eq!(facts("sat 1M"), (false, false));
}

#[test]
fn the_piece_that_cannot_be_read_is_named() {
    for (text, told) in [
        (";", "names no speed"),
        (
            "fast",
            "no day of the week in \"fast\" of the piece \"fast\"",
        ),
        (
            "20Mbit/s",
            "no speed that can be understood in the piece \"20Mbit/s\"",
        ),
        ("1M; mon-fri 8-18", "in the piece \"mon-fri 8-18\" (\"\")"),
        (
            "1M; mon-fry 2M",
            "no day of the week in \"fry\" of the piece \"mon-fry 2M\"",
        ),
        ("weekend 2M", "no day of the week in \"weekend\""),
        ("mon, 2M", "no day of the week in \"2M\""),
        (
            "08:00 2M",
            "no hours of a day in \"08:00\" of the piece \"08:00 2M\"",
        ),
        ("8:00-25:00 2M", "no hours of a day in \"8:00-25:00\""),
        ("8:60-9:00 2M", "no hours of a day"),
        ("24:00-08:00 2M", "no hours of a day"),
        ("8:00-8:00 2M", "no hours of a day"),
        ("8-18 9-10 2M", "says \"9-10\""),
        ("mon tue 2M", "says \"tue\""),
        ("mon 0", "stops all downloads in the piece \"mon 0\""),
        ("0", "stops all downloads"),
        (
            "1M; 2M",
            "two speeds for the rest of the week, \"1M\" and \"2M\"",
        ),
        (
            "mon-fri 1M; tue 8-18 2M",
            "the piece \"tue 8-18 2M\", which never counts",
        ),
        ("mon-fri 1M; sat-sun 2M; 22-6 3M", "never counts"),
        ("Mon-08:00,512k", "no day of the week in \"08:00\""),
    ] {
        let error = Timetable::parse(text).unwrap_err().to_string();
        assert!(error.contains(told), "{text}: {error}");
    }
    let many = "mon 1M; ".repeat(101);
    assert!(Timetable::parse(&many).is_err());
    // Foreign text of any length stays readable.
    let long = Timetable::parse(&"x".repeat(100_000)).unwrap_err();
    assert!(long.to_string().len() < 1_000);
}
