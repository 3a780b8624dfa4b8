//! What is known of faults, for people: every effect with an example and its meaning.

/// Each effect as it may be written, and what it does.
pub const EFFECTS: [(&str, &str); 30] = [
    (
        "503 code=SlowDown retry-after=10",
        "this HTTP status, 300 to 599; code and retry-after may be left out",
    ),
    (
        "slow-down retry-after=10",
        "the store asks for fewer requests; retry-after may be left out",
    ),
    ("status-code code=20", "200 with this statusCode inside"),
    ("html", "a login page, with 200"),
    ("xml-error", "an error in the store's XML, with 200"),
    (
        "cut after=1000",
        "the body breaks off after so many bytes, although more was announced",
    ),
    (
        "cut-json after=1000",
        "a page ends after so many bytes as if it were whole",
    ),
    (
        "reset after=1000",
        "the connection is reset after so many bytes; after may be left out",
    ),
    (
        "longer by=16",
        "so many bytes more than the object has, announced as its own",
    ),
    (
        "shorter by=16",
        "so many bytes less than the object has, announced as all",
    ),
    ("trailing by=16", "so many bytes more than was announced"),
    ("flip at=100", "the lowest bit of this byte is flipped"),
    ("slow rate=1000", "so many bytes a second"),
    ("delay ms=500", "the answer comes so late"),
    ("hang", "no answer ever comes"),
    (
        "stall after=1000",
        "the body stops coming after so many bytes, and the connection stays open",
    ),
    ("redirect to=http://127.0.0.1:1/", "302 to this URL"),
    (
        "link to=http://127.0.0.1:1/",
        "the link to the next page is this one",
    ),
    (
        "link-to-self",
        "the link to the next page leads to this page",
    ),
    (
        "endless-pages fresh=true",
        "there is always a next page; with recordings never seen, or the same ones",
    ),
    ("huge-page bytes=3000000000", "a page of so many bytes"),
    ("nested depth=200000", "so many brackets inside each other"),
    (
        "replace",
        "the object is replaced by another version before it is read",
    ),
    (
        "wrong-region region=eu-west-1 status=301",
        "the bucket is in this region; status 301 or 400",
    ),
    (
        "skewed ahead=1200",
        "403 RequestTimeTooSkewed, with a clock so many seconds ahead",
    ),
    (
        "ignore-range",
        "200 and the whole object instead of a range",
    ),
    (
        "wrong-range shift=1",
        "the range begins so many bytes later than asked for",
    ),
    ("no-length", "chunks without Content-Length"),
    (
        "wrong-checksum",
        "the checksum in the headers is another object's",
    ),
    ("encoded", "Content-Encoding: gzip, and the bytes are not"),
];

/// Every effect's word, separated by commas, for an error.
#[must_use]
pub(super) fn words() -> String {
    let words = EFFECTS
        .iter()
        .filter_map(|(form, _)| form.split(' ').next())
        .filter(|word| word.parse::<u16>().is_err());
    let words: Vec<&str> = std::iter::once("300 to 599").chain(words).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Effect;

    #[test]
    fn every_example_is_understood() {
        for (form, _) in EFFECTS {
            assert!(form.parse::<Effect>().is_ok(), "{form}");
        }
    }

    #[test]
    fn no_effect_is_forgotten() {
        // The source itself is asked: what the reader of effects takes is what has to be told.
        let source = include_str!("effect.rs");
        let (_, reader) = source.split_once("fn read(").unwrap();
        let (reader, _) = reader.split_once("\n}\n").unwrap();
        let taken: Vec<&str> = reader
            .lines()
            .filter_map(|line| line.strip_prefix("        \""))
            .filter_map(|line| line.split_once("\" => ").map(|(word, _)| word))
            .collect();
        assert!(taken.len() > 20, "{taken:?}");
        for word in taken {
            assert!(words().split(", ").any(|told| told == word), "{word}");
        }
    }
}
