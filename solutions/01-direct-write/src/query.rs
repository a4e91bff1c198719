//! What may be asked about posts: which page, which text.

use std::str::FromStr;

use thiserror::Error;

/// How many posts a page holds.
pub const PAGE_SIZE: i64 = 20;

/// The number of a page, from 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Page(u32);

impl Page {
    /// The newest posts.
    pub const FIRST: Self = Self(1);

    /// How many posts come before this page.
    #[must_use]
    pub fn offset(self) -> i64 {
        i64::from(self.0 - 1) * PAGE_SIZE
    }
}

impl FromStr for Page {
    type Err = InvalidPage;

    fn from_str(text: &str) -> Result<Self, InvalidPage> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()); // `parse` alone would take "+1".
        match text.parse() {
            Ok(number @ 1..=0x7fff_ffff) if digits => Ok(Self(number)),
            _ => Err(InvalidPage),
        }
    }
}

/// A text that is no page number.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the page must be a whole number from 1 to 2147483647")]
pub struct InvalidPage;

/// The text of a search, taken literally. It is not empty and holds no NUL, which no post can hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SearchText(String);

impl SearchText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SearchText {
    type Error = InvalidSearch;

    fn try_from(text: String) -> Result<Self, InvalidSearch> {
        if text.is_empty() || text.contains('\0') { Err(InvalidSearch) } else { Ok(Self(text)) }
    }
}

/// A text that cannot be searched for.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the parameter `content` must be a text that is not empty and holds no NUL character")]
pub struct InvalidSearch;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_a_whole_number_from_one() {
        assert_eq!("1".parse(), Ok(Page::FIRST));
        assert_eq!("2147483647".parse::<Page>().map(Page::offset), Ok(42_949_672_920));
        for wrong in ["", "0", "-1", "+1", "1.5", "two", " 1", "2147483648", "99999999999999999999"] {
            assert_eq!(wrong.parse::<Page>(), Err(InvalidPage), "{wrong:?}");
        }
    }

    #[test]
    fn a_search_needs_a_text() {
        assert!(SearchText::try_from(" ".to_owned()).is_ok());
        for wrong in ["", "a\0"] {
            assert_eq!(SearchText::try_from(wrong.to_owned()), Err(InvalidSearch));
        }
    }
}
