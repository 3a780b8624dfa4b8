//! The readings that a client has to get along with, each under a name, for table tests.

use super::Quirks;
use super::{
    BadLogin, Bound, BoundReading, Checksums, Descriptor, ETags, EmptyList, Links, ListForm,
    NoParameters, NumberFilter, Numbers, Offsets, Order, Precision, Privacy, RegionCheck, Settings,
    Spacing, TimeForm, Times, Total, UnknownParameters, UpperBound,
};

impl Quirks {
    /// Each position of each switch alone, and combinations that are harder than their parts. Under each of them a client
    /// lists everything, or says loudly that it cannot.
    #[must_use]
    pub fn all_readings() -> Vec<(String, Self)> {
        let mut readings = vec![("default".to_owned(), Self::default())];
        readings.extend(single_switches());
        readings.extend(combinations().map(|(name, quirks)| (name.to_owned(), quirks)));
        readings
    }
}

/// Each position of each switch that is not the default.
fn single_switches() -> Vec<(String, Quirks)> {
    let mut readings = Vec::new();
    let mut add = |name: &str, values: Vec<&'static str>| {
        for value in values {
            let mut quirks = Quirks::default();
            if quirks.set(name, value).is_ok() && quirks != Quirks::default() {
                readings.push((format!("{name}={value}"), quirks));
            }
        }
    };
    macro_rules! each {
        ($($name:literal: $type:ty,)+) => {
            $(add($name, <$type>::ALL.iter().map(|position| position.name()).collect());)+
        };
    }
    each! {
        "upper-bound": UpperBound,
        "unknown-parameters": UnknownParameters,
        "time-form": TimeForm,
        "bound-reading": BoundReading,
        "lower": Bound,
        "upper": Bound,
        "precision": Precision,
        "links": Links,
        "offsets": Offsets,
        "order": Order,
        "list-form": ListForm,
        "empty-list": EmptyList,
        "numbers": Numbers,
        "times": Times,
        "settings": Settings,
        "bad-login": BadLogin,
        "no-parameters": NoParameters,
        "descriptor": Descriptor,
        "total": Total,
        "number-filter": NumberFilter,
        "privacy": Privacy,
        "spacing": Spacing,
        "region-check": RegionCheck,
        "etags": ETags,
        "checksums": Checksums,
    }
    add("page-cap", vec!["1", "50"]);
    add("longest-range", vec!["5", "24", "49"]);
    add(
        "link-name",
        vec!["nextPage", "links.next", "paging.next.href"],
    );
    readings
}

fn combinations() -> impl Iterator<Item = (&'static str, Quirks)> {
    let no_links = || Quirks {
        links: Links::None,
        ..Quirks::default()
    };
    let no_paging = || Quirks {
        offsets: Offsets::Ignored,
        ..no_links()
    };
    [
        ("capped without paging", no_paging()),
        (
            "capped without paging, newest first",
            Quirks {
                order: Order::Descending,
                ..no_paging()
            },
        ),
        (
            "capped without paging, by id",
            Quirks {
                order: Order::Id,
                ..no_paging()
            },
        ),
        (
            "capped without paging, shuffled",
            Quirks {
                order: Order::Shuffled,
                ..no_paging()
            },
        ),
        (
            "capped without paging, bounds in seconds",
            Quirks {
                precision: Precision::Seconds,
                ..no_paging()
            },
        ),
        (
            "capped without paging, by stop",
            Quirks {
                bound_reading: BoundReading::Stop,
                ..no_paging()
            },
        ),
        (
            "capped without paging, contained only",
            Quirks {
                bound_reading: BoundReading::Contained,
                ..no_paging()
            },
        ),
        (
            "offsets refused without links",
            Quirks {
                offsets: Offsets::Refused,
                ..no_links()
            },
        ),
        (
            "offsets refused deep without links",
            Quirks {
                offsets: Offsets::RefusedDeep,
                ..no_links()
            },
        ),
        (
            "stopTime only, unknown parameters rejected",
            Quirks {
                upper_bound: UpperBound::StopTime,
                unknown_parameters: UnknownParameters::Rejected,
                ..Quirks::default()
            },
        ),
        (
            "endTime only, unknown parameters rejected",
            Quirks {
                upper_bound: UpperBound::EndTime,
                unknown_parameters: UnknownParameters::Rejected,
                ..Quirks::default()
            },
        ),
        (
            "exclusive bounds in seconds",
            Quirks {
                lower: Bound::Exclusive,
                upper: Bound::Exclusive,
                precision: Precision::Seconds,
                ..Quirks::default()
            },
        ),
        (
            "stopTime compares the stop, times as epoch",
            Quirks {
                upper_bound: UpperBound::StopTime,
                bound_reading: BoundReading::Contained,
                time_form: TimeForm::EpochMs,
                times: Times::EpochMs,
                ..Quirks::default()
            },
        ),
        (
            "uris in small pages behind relative links",
            Quirks {
                list_form: ListForm::Uris,
                page_cap: 50,
                links: Links::Relative,
                ..Quirks::default()
            },
        ),
        (
            "empty lists left out, but counted",
            Quirks {
                empty_list: EmptyList::Absent,
                total: Total::Given,
                ..Quirks::default()
            },
        ),
        (
            "uris, shuffled, without links",
            Quirks {
                list_form: ListForm::Uris,
                order: Order::Shuffled,
                ..no_links()
            },
        ),
    ]
    .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_have_names_of_their_own_and_differ() {
        let readings = Quirks::all_readings();
        for (place, (name, quirks)) in readings.iter().enumerate() {
            for (other_name, other) in &readings[..place] {
                assert_ne!(name, other_name);
                assert_ne!(quirks, other, "{name} is {other_name}");
            }
        }
        assert!(readings.len() > 60, "{}", readings.len());
    }
}
