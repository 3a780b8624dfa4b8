//! "Did you mean": which known names an unknown one resembles.

/// The known names nearest to `name`, if they are near enough to be a slip; usually none or one.
///
/// Case, `_`, `-` and `.` do not count: `max_age` and `MAXAGE` are `maxAge`.
pub(super) fn similar<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let name = plain(name);
    // Two slips in a long name, one in a short one; more than that is another word.
    let allowed = if name.chars().count() >= 8 { 2 } else { 1 };
    let mut nearest = allowed;
    let mut found = Vec::new();
    for candidate in known {
        let distance = strsim::damerau_levenshtein(&name, &plain(candidate));
        if distance < nearest {
            nearest = distance;
            found.clear();
        }
        if distance == nearest {
            found.push(candidate);
        }
    }
    found
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-' | '.'))
        .take(100)
        .collect::<String>()
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        const KNOWN: [&str; 6] = [
            "maxAge",
            "minAge",
            "minDate",
            "targetDir",
            "mediaTypePattern",
            "numThreads",
        ];
        for (name, expected) in [
            ("maxage", &["maxAge"][..]),
            ("max_age", &["maxAge"]),
            ("MAX.AGE", &["maxAge"]),
            ("maxAgee", &["maxAge"]),
            ("mxaAge", &["maxAge"]),
            ("mnxAge", &["maxAge"]),
            ("mAge", &[]),
            ("mnAge", &["minAge"]),
            ("mxinAge", &["minAge"]),
            ("targetDri", &["targetDir"]),
            ("tragetDri", &["targetDir"]),
            ("mediaTypPatern", &["mediaTypePattern"]),
            ("threads", &[]),
            ("logLevel", &[]),
            ("", &[]),
        ] {
            assert_eq!(similar(name, KNOWN.into_iter()), expected, "{name}");
        }
        assert_eq!(
            similar("mnAge", ["maAge", "miAge"].into_iter()),
            ["maAge", "miAge"]
        );
    }
}
