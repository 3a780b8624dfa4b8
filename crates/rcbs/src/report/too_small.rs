//! What does not fit into the target, in words.

use rcbs_core::space::SpaceForecast;

use super::human_bytes;

/// One line that says how much is missing; none when all fits.
#[must_use]
pub fn too_small(forecast: &SpaceForecast) -> Option<String> {
    let SpaceForecast {
        expected_bytes,
        free_bytes,
        reserve_bytes,
    } = *forecast;
    let missing_bytes = forecast.missing_bytes();
    let kept = match reserve_bytes {
        0 => String::new(),
        kept => format!(", of which diskReserve keeps {}", human_bytes(kept)),
    };
    (missing_bytes > 0).then(|| {
        format!(
            "the target is too small: about {} are still to be fetched, {} are free{kept}; about {} are missing",
            human_bytes(expected_bytes),
            human_bytes(free_bytes),
            human_bytes(missing_bytes)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_told() {
        let forecast = |expected_bytes, free_bytes, reserve_bytes| SpaceForecast {
            expected_bytes,
            free_bytes,
            reserve_bytes,
        };
        assert_eq!(too_small(&forecast(5_000, 6_000, 1_000)), None);
        assert_eq!(
            too_small(&forecast(5_000, 3_000, 1_000)).unwrap(),
            "the target is too small: about 5.0 kB are still to be fetched, 3.0 kB are free, of which diskReserve keeps \
             1.0 kB; about 3.0 kB are missing"
        );
        assert_eq!(
            too_small(&forecast(5_000, 3_000, 0)).unwrap(),
            "the target is too small: about 5.0 kB are still to be fetched, 3.0 kB are free; about 2.0 kB are missing"
        );
    }
}
