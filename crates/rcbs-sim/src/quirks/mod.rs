//! How this pretend server reads what the public texts leave open. Not faults: a correct server may be any of these.

mod choice;
mod readings;
mod switches;

pub use choice::NotAChoice;
pub(crate) use choice::choice;
pub use switches::{
    BadLogin, Bound, BoundReading, Checksums, Descriptor, ETags, EmptyList, Links, ListForm,
    NoParameters, NumberFilter, Numbers, Offsets, Order, Precision, Privacy, RegionCheck, Settings,
    Spacing, TimeForm, Times, Total, UnknownParameters, UpperBound,
};

use std::str::FromStr;

/// A setting `name=value` that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuirkError {
    /// No `=`.
    #[error("{0:?} is not of the form name=value")]
    NotASetting(String),
    /// No such switch.
    #[error("there is no quirk {name:?}; there are {names}")]
    Unknown {
        /// What was given.
        name: String,
        /// The names, separated by commas.
        names: String,
    },
    /// Not a value of the switch.
    #[error("the quirk {name} cannot be {value:?}: {reason}")]
    Value {
        /// The switch.
        name: &'static str,
        /// What was given.
        value: String,
        /// What can be given.
        reason: String,
    },
}

/// Declares the struct of all switches with its defaults and its textual access.
macro_rules! quirks {
    ($($(#[$meta:meta])* $field:ident / $name:literal: $type:ty = $default:expr,)+) => {
        /// One reading of the public facts. The default is the most natural one.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Quirks {
            $($(#[$meta])* pub $field: $type,)+
        }

        impl Default for Quirks {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl Quirks {
            /// The names of all switches, as [`Quirks::set`] takes them.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// Sets a switch by its name.
            ///
            /// # Errors
            /// [`QuirkError`] when there is no such switch, or it has no such position.
            pub fn set(&mut self, name: &str, value: &str) -> Result<(), QuirkError> {
                match name {
                    $($name => {
                        self.$field = <$type as FromStr>::from_str(value).map_err(|reason| QuirkError::Value {
                            name: $name,
                            value: value.to_owned(),
                            reason: reason.to_string(),
                        })?;
                        Ok(())
                    })+
                    _ => Err(QuirkError::Unknown { name: name.to_owned(), names: Self::NAMES.join(", ") }),
                }
            }

            /// The value of every switch as text, in the order of [`Quirks::NAMES`].
            #[must_use]
            pub fn settings(&self) -> Vec<(&'static str, String)> {
                vec![$(($name, self.$field.to_string())),+]
            }
        }
    };
}

quirks! {
    /// Spelling of the upper time bound.
    upper_bound / "upper-bound": UpperBound = UpperBound::Both,
    /// Parameters that nobody knows.
    unknown_parameters / "unknown-parameters": UnknownParameters = UnknownParameters::Ignored,
    /// The form of times in requests.
    time_form / "time-form": TimeForm = TimeForm::Any,
    /// What the bounds are compared with.
    bound_reading / "bound-reading": BoundReading = BoundReading::Start,
    /// Whether the lower bound is inside.
    lower / "lower": Bound = Bound::Inclusive,
    /// Whether the upper bound is inside.
    upper / "upper": Bound = Bound::Inclusive,
    /// The resolution of bounds.
    precision / "precision": Precision = Precision::Milliseconds,
    /// The form of links.
    links / "links": Links = Links::Absolute,
    /// Where the link to the next page stands; a dot goes one object deeper.
    link_name / "link-name": String = "next".to_owned(),
    /// What `offset` does.
    offsets / "offsets": Offsets = Offsets::Honoured,
    /// How many recordings a page has at most, whatever `limit` says.
    page_cap / "page-cap": u64 = 100,
    /// Hours of the longest range that is listed; a longer one is refused with 400. 0 is any.
    longest_range / "longest-range": u64 = 0,
    /// The order of lists.
    order / "order": Order = Order::Ascending,
    /// What lists consist of.
    list_form / "list-form": ListForm = ListForm::Fields,
    /// How a list without entries is shown.
    empty_list / "empty-list": EmptyList = EmptyList::List,
    /// How numbers are written.
    numbers / "numbers": Numbers = Numbers::Text,
    /// How times are written.
    times / "times": Times = Times::Offset,
    /// The settings group.
    settings / "settings": Settings = Settings::Array,
    /// How a wrong login is refused.
    bad_login / "bad-login": BadLogin = BadLogin::Unauthorized,
    /// A search without parameters.
    no_parameters / "no-parameters": NoParameters = NoParameters::Refused,
    /// Where the place of a media file stands.
    descriptor / "descriptor": Descriptor = Descriptor::Original,
    /// The number of all matches.
    total / "total": Total = Total::Absent,
    /// Filters by number.
    number_filter / "number-filter": NumberFilter = NumberFilter::Wildcard,
    /// Hidden fields.
    privacy / "privacy": Privacy = Privacy::Open,
    /// The layout of JSON.
    spacing / "spacing": Spacing = Spacing::Compact,
    /// Requests signed for another region.
    region_check / "region-check": RegionCheck = RegionCheck::Off,
    /// ETags of objects.
    etags / "etags": ETags = ETags::Usual,
    /// Checksums of objects.
    checksums / "checksums": Checksums = Checksums::Crc64Nvme,
}

impl Quirks {
    /// Sets a switch from `name=value`.
    ///
    /// # Errors
    /// [`QuirkError`] when the text is not understood.
    pub fn set_text(&mut self, setting: &str) -> Result<(), QuirkError> {
        let (name, value) = setting
            .split_once('=')
            .ok_or_else(|| QuirkError::NotASetting(setting.to_owned()))?;
        self.set(name.trim(), value.trim())
    }

    /// These settings on top of the default.
    ///
    /// # Errors
    /// [`QuirkError`] for the first setting that is not understood.
    pub fn from_settings<'a>(
        settings: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, QuirkError> {
        let mut quirks = Self::default();
        settings
            .into_iter()
            .try_for_each(|setting| quirks.set_text(setting))?;
        Ok(quirks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_can_be_set_to_what_it_prints() {
        for (_, quirks) in Quirks::all_readings() {
            let mut copy = Quirks::default();
            for (name, value) in quirks.settings() {
                copy.set(name, &value).unwrap();
            }
            assert_eq!(copy, quirks);
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let mut quirks = Quirks::default();
        assert!(matches!(
            quirks.set_text("order"),
            Err(QuirkError::NotASetting(_))
        ));
        assert!(matches!(
            quirks.set_text("colour=red"),
            Err(QuirkError::Unknown { .. })
        ));
        let error = quirks.set_text("order=random").unwrap_err().to_string();
        assert!(error.contains("shuffled"), "{error}");
        assert_eq!(quirks, Quirks::default());
    }
}
