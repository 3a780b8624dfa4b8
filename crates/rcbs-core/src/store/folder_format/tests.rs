//! Folder patterns: what they give, compared with a Java runtime, and how they are refused.

use super::*;

/// What `java.text.SimpleDateFormat` of Java 17 makes of 2018-02-12T19:04:11Z and 2000-01-02T03:04:05Z in UTC.
const JAVA: [(&str, &str, &str); 25] = [
    ("yyyy/MM/dd/HH", "2018/02/12/19", "2000/01/02/03"),
    ("y", "2018", "2000"),
    ("yy", "18", "00"),
    ("yyy", "2018", "2000"),
    ("yyyyy", "02018", "02000"),
    ("M", "2", "1"),
    ("MM", "02", "01"),
    ("d", "12", "2"),
    ("dd", "12", "02"),
    ("ddd", "012", "002"),
    ("H", "19", "3"),
    ("HH", "19", "03"),
    ("m", "4", "4"),
    ("mm", "04", "04"),
    ("s", "11", "5"),
    ("ss", "11", "05"),
    ("sss", "011", "005"),
    ("yyyyMMdd-HHmmss", "20180212-190411", "20000102-030405"),
    ("'y'yyyy/'it''s'/''dd", "y2018/it's/'12", "y2000/it's/'02"),
    ("yyyy'/'MM", "2018/02", "2000/01"),
    ("'a/b'yy", "a/b18", "a/b00"),
    ("yyyy-MM-dd'T'HH_mm", "2018-02-12T19_04", "2000-01-02T03_04"),
    ("yy.MM,dd H", "18.02,12 19", "00.01,02 3"),
    ("''''yy", "''18", "''00"),
    ("yy'x''y'MM", "18x'y02", "00x'y01"),
];

fn render(pattern: &str, at: &str) -> Vec<String> {
    FolderFormat::parse(pattern)
        .unwrap()
        .render(at.parse().unwrap())
}

#[test]
fn numbers_quotes_and_separators_are_those_of_java() {
    for (pattern, first, second) in JAVA {
        for (at, folder) in [
            ("2018-02-12T19:04:11Z", first),
            ("2000-01-02T03:04:05Z", second),
        ] {
            assert_eq!(render(pattern, at).join("/"), folder, "{pattern}");
        }
    }
}

#[test]
fn time_is_taken_in_utc() {
    let late = "2018-12-31T23:30:00-02:00";
    assert_eq!(render("yyyy/MM/dd/HH", late), ["2019", "01", "01", "01"]);
}

#[test]
fn text_is_made_safe_level_by_level() {
    let at = "2018-02-12T19:04:11Z";
    for (pattern, folder) in [
        ("HH:mm", "19%3A04"),
        (".yyyy/MM.", "%2E2018/02%2E"),
        ("'CON'/'nul'.yy", "%43ON/%6Eul.18"),
        ("yyyy '~' 100%", "2018 %7E 100%25"),
        ("'Büro'/yyyy", "B%C3%BCro/2018"),
        ("'...'/yyyy", "%2E.%2E/2018"),
        ("'C:'/yyyy", "C%3A/2018"),
    ] {
        assert_eq!(render(pattern, at).join("/"), folder, "{pattern}");
    }
}

#[test]
fn the_default_is_year_month_day_and_hour() {
    let parsed = FolderFormat::parse("yyyy/MM/dd/HH").unwrap();
    assert_eq!(FolderFormat::default(), parsed);
    assert_eq!(parsed.pattern(), "yyyy/MM/dd/HH");
}

#[test]
fn the_first_thing_not_understood_is_named_with_its_column() {
    use FolderFormatError::*;
    let hundred_and_one = "-".repeat(101);
    let cases = [
        ("", Empty),
        ("/yyyy", Absolute),
        ("//server/yyyy", Absolute),
        (&*hundred_and_one, TooLong { chars: 101 }),
        (
            "yyyy/E",
            Letter {
                letter: 'E',
                column: 6,
            },
        ),
        (
            "ü/a",
            Letter {
                letter: 'a',
                column: 3,
            },
        ),
        (
            "YYYY",
            Letter {
                letter: 'Y',
                column: 1,
            },
        ),
        (
            "hh",
            Letter {
                letter: 'h',
                column: 1,
            },
        ),
        (
            "yyyy/MMM/dd",
            MonthName {
                column: 6,
                count: 3,
            },
        ),
        (
            "MMMM",
            MonthName {
                column: 1,
                count: 4,
            },
        ),
        (r"yyyy\MM", Backslash { column: 5 }),
        (r"'a\b'", Backslash { column: 3 }),
        (
            "yyyy/\u{7}",
            Control {
                character: '\u{7}',
                column: 6,
            },
        ),
        (
            "'a\0'",
            Control {
                character: '\0',
                column: 3,
            },
        ),
        ("yyyy/'it''s", OpenQuote { column: 6 }),
        ("'", OpenQuote { column: 1 }),
        ("yyyy//MM", EmptyLevel { column: 6 }),
        ("yyyy/", EmptyLevel { column: 6 }),
        ("'/yyyy'", EmptyLevel { column: 1 }),
        ("yyyy/../MM", Dots { column: 6 }),
        ("./yyyy", Dots { column: 1 }),
        ("yyyy/'.'.", Dots { column: 6 }),
        ("y/y/y/y/y/y/y/y/y", TooDeep { column: 17 }),
    ];
    for (pattern, error) in cases {
        assert_eq!(FolderFormat::parse(pattern), Err(error), "{pattern:?}");
    }
}

#[test]
fn eight_levels_and_a_hundred_characters_are_allowed() {
    assert_eq!(render("y/M/d/H/m/s/y/y", "2018-02-12T19:04:11Z").len(), 8);
    assert!(FolderFormat::parse(&"-".repeat(100)).is_ok());
}

#[test]
fn errors_read_as_sentences() {
    let text = |pattern| FolderFormat::parse(pattern).unwrap_err().to_string();
    assert_eq!(
        text("yyyy/ww"),
        "the letter w at column 6 of the folder pattern is not one of y M d H m s; put text between single quotes"
    );
    assert_eq!(
        text("MMM"),
        "the letter M at column 1 of the folder pattern is repeated 3 times, which asks for the name of a month; \
         write MM"
    );
    assert_eq!(
        text("y\n"),
        "the character \\n at column 2 of the folder pattern is a control character"
    );
}
