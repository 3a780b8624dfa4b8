//! `recordingFolderFormat`: the letters of Java's `SimpleDateFormat` that a folder may need.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::SafeName;

/// The longest pattern, in characters.
const LIMIT_CHARS: usize = 100;

/// The deepest folder.
const LIMIT_LEVELS: usize = 8;

/// A folder pattern, parsed and known to give safe names for every time.
///
/// - `y M d H m s` are year, month, day, hour (0 to 23), minute and second in UTC. A letter repeated is a number with
///   at least as many digits; `yy` alone is the year of the century.
/// - `/` goes one folder deeper, also between quotes.
/// - What stands between single quotes is text; two single quotes are one of them, inside quotes and outside.
/// - Any character that is no letter is text.
///
/// Source: manual, "Configuring media"; `java.text.SimpleDateFormat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderFormat {
    pattern: String,
    levels: Vec<Vec<Token>>,
}

/// A piece of a folder's name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Text(String),
    Number { field: Field, digits: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

/// Why a folder pattern is refused. Columns count characters from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FolderFormatError {
    /// Nothing in it.
    #[error("the folder pattern is empty")]
    Empty,
    /// Longer than 100 characters.
    #[error("the folder pattern has {chars} characters, more than {LIMIT_CHARS}")]
    TooLong {
        /// Its length.
        chars: usize,
    },
    /// More than 8 levels.
    #[error(
        "the folder pattern has more than {LIMIT_LEVELS} levels, the next begins at column {column}"
    )]
    TooDeep {
        /// Where level 9 begins.
        column: usize,
    },
    /// It begins with `/`.
    #[error("the folder pattern begins with / at column 1, but folders lie inside the target")]
    Absolute,
    /// Nothing between two `/`, or after the last.
    #[error("the folder pattern has a level without a name at column {column}")]
    EmptyLevel {
        /// Where the name is missing.
        column: usize,
    },
    /// A level is `.` or `..`.
    #[error("the folder pattern leaves its place with a level of dots at column {column}")]
    Dots {
        /// Where the level begins.
        column: usize,
    },
    /// A letter that is no field of a folder.
    #[error(
        "the letter {letter} at column {column} of the folder pattern is not one of y M d H m s; \
         put text between single quotes"
    )]
    Letter {
        /// The letter.
        letter: char,
        /// Where it stands.
        column: usize,
    },
    /// `MMM` or more: a name of a month, which depends on a language.
    #[error(
        "the letter M at column {column} of the folder pattern is repeated {count} times, which asks for the \
             name of a month; write MM"
    )]
    MonthName {
        /// Where the first M stands.
        column: usize,
        /// How many there are.
        count: usize,
    },
    /// A backslash.
    #[error("the character \\ at column {column} of the folder pattern is no separator; write /")]
    Backslash {
        /// Where it stands.
        column: usize,
    },
    /// A control character.
    #[error("the character {} at column {column} of the folder pattern is a control character", .character.escape_default())]
    Control {
        /// The character.
        character: char,
        /// Where it stands.
        column: usize,
    },
    /// A quote that is never closed.
    #[error("the quote at column {column} of the folder pattern is never closed")]
    OpenQuote {
        /// Where the quote opens.
        column: usize,
    },
}

impl FolderFormat {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`FolderFormatError`] names the first thing that is not understood.
    pub fn parse(pattern: &str) -> Result<Self, FolderFormatError> {
        let chars: Vec<char> = pattern.chars().collect();
        match chars.first() {
            None => return Err(FolderFormatError::Empty),
            Some('/') => return Err(FolderFormatError::Absolute),
            Some(_) => {}
        }
        if chars.len() > LIMIT_CHARS {
            return Err(FolderFormatError::TooLong { chars: chars.len() });
        }
        Ok(Self {
            pattern: pattern.to_owned(),
            levels: Parser::new(&chars).levels()?,
        })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The parts of the folder for a time, outermost first: each one a [`SafeName`].
    #[must_use]
    pub fn render(&self, at: Timestamp) -> Vec<String> {
        let names = self.names(at);
        names.iter().map(|name| name.as_str().to_owned()).collect()
    }

    /// As [`render`](Self::render), without a way back into text that would have to be made safe again.
    pub(super) fn names(&self, at: Timestamp) -> Vec<SafeName> {
        let at = at.to_zoned(TimeZone::UTC).datetime();
        let level = |tokens: &Vec<Token>| {
            let mut name = String::new();
            for token in tokens {
                token.write(&mut name, at);
            }
            SafeName::encode(&name)
        };
        self.levels.iter().map(level).collect()
    }
}

impl Default for FolderFormat {
    /// `yyyy/MM/dd/HH`, the manual's default.
    fn default() -> Self {
        let number = |field, digits| vec![Token::Number { field, digits }];
        Self {
            pattern: "yyyy/MM/dd/HH".to_owned(),
            levels: vec![
                number(Field::Year, 4),
                number(Field::Month, 2),
                number(Field::Day, 2),
                number(Field::Hour, 2),
            ],
        }
    }
}

impl Token {
    fn write(&self, name: &mut String, at: DateTime) {
        match self {
            Self::Text(text) => name.push_str(text),
            Self::Number { field, digits } => {
                let value = field.of(at);
                let value = match (field, digits) {
                    (Field::Year, 2) => value.rem_euclid(100),
                    _ => value,
                };
                // Writing to a string cannot fail.
                let _ok = write!(name, "{value:0digits$}");
            }
        }
    }
}

impl Field {
    fn of(self, at: DateTime) -> i16 {
        match self {
            Self::Year => at.year(),
            Self::Month => at.month().into(),
            Self::Day => at.day().into(),
            Self::Hour => at.hour().into(),
            Self::Minute => at.minute().into(),
            Self::Second => at.second().into(),
        }
    }

    fn from_letter(letter: char) -> Option<Self> {
        Some(match letter {
            'y' => Self::Year,
            'M' => Self::Month,
            'd' => Self::Day,
            'H' => Self::Hour,
            'm' => Self::Minute,
            's' => Self::Second,
            _ => return None,
        })
    }
}

/// Walks over a pattern once, character by character.
struct Parser<'a> {
    chars: &'a [char],
    /// Index of the next character.
    next: usize,
    /// Levels that are complete.
    levels: Vec<Vec<Token>>,
    /// The level being read, and the index it begins at.
    level: Vec<Token>,
    level_start: usize,
}

impl<'a> Parser<'a> {
    fn new(chars: &'a [char]) -> Self {
        Self {
            chars,
            next: 0,
            levels: Vec::new(),
            level: Vec::new(),
            level_start: 0,
        }
    }

    fn levels(mut self) -> Result<Vec<Vec<Token>>, FolderFormatError> {
        while let Some(c) = self.chars.get(self.next).copied() {
            match c {
                '\'' => self.quoted()?,
                _ if c.is_ascii_alphabetic() => self.field(c)?,
                _ => {
                    self.text(c)?;
                    self.next += 1;
                }
            }
        }
        self.end_level()?;
        Ok(self.levels)
    }

    /// From an opening quote to behind the closing one.
    fn quoted(&mut self) -> Result<(), FolderFormatError> {
        let open = self.next;
        self.next += 1;
        if self.chars.get(self.next) == Some(&'\'') {
            self.next += 1;
            return self.text('\'');
        }
        while let Some(c) = self.chars.get(self.next).copied() {
            let doubled = self.chars.get(self.next + 1) == Some(&'\'');
            match (c, doubled) {
                ('\'', false) => {
                    self.next += 1;
                    return Ok(());
                }
                ('\'', true) => {
                    self.text('\'')?;
                    self.next += 2;
                }
                _ => {
                    self.text(c)?;
                    self.next += 1;
                }
            }
        }
        Err(FolderFormatError::OpenQuote { column: open + 1 })
    }

    /// A letter with its repetitions.
    fn field(&mut self, letter: char) -> Result<(), FolderFormatError> {
        let column = self.next + 1;
        let field =
            Field::from_letter(letter).ok_or(FolderFormatError::Letter { letter, column })?;
        let rest = &self.chars[self.next..];
        let digits = rest.iter().take_while(|c| **c == letter).count();
        if field == Field::Month && digits > 2 {
            return Err(FolderFormatError::MonthName {
                column,
                count: digits,
            });
        }
        self.level.push(Token::Number { field, digits });
        self.next += digits;
        Ok(())
    }

    /// One character of text at `next`, which stays where it is.
    fn text(&mut self, character: char) -> Result<(), FolderFormatError> {
        let column = self.next + 1;
        match character {
            '/' => {
                self.end_level()?;
                self.level_start = self.next + 1;
            }
            '\\' => return Err(FolderFormatError::Backslash { column }),
            _ if character.is_control() => {
                return Err(FolderFormatError::Control { character, column });
            }
            _ => match self.level.last_mut() {
                Some(Token::Text(text)) => text.push(character),
                _ => self.level.push(Token::Text(character.to_string())),
            },
        }
        Ok(())
    }

    fn end_level(&mut self) -> Result<(), FolderFormatError> {
        let column = self.level_start + 1;
        match &*self.level {
            [] => return Err(FolderFormatError::EmptyLevel { column }),
            [Token::Text(text)] if text == "." || text == ".." => {
                return Err(FolderFormatError::Dots { column });
            }
            _ => {}
        }
        if self.levels.len() == LIMIT_LEVELS {
            return Err(FolderFormatError::TooDeep { column });
        }
        self.levels.push(std::mem::take(&mut self.level));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
