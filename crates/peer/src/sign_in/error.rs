//! How signing in fails, in words. A title says what happened, a text what it means and what to do.

use orgx_proto::pairing::AddressError;

/// Why a key is not one that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}. {}", self.title(), self.text())]
pub enum CheckError {
    /// It cannot be a key.
    Shape(&'static str),
    /// OrgX does not know it: 401.
    Rejected,
    /// OrgX knows it, and it may not do this: 403.
    Forbidden,
    /// OrgX cannot be reached, for this reason.
    Unreachable(String),
    /// A web page answered.
    WebPage,
    /// OrgX answered with another status that is no success.
    Refused(u16),
    /// OrgX's answer is none.
    Odd(&'static str),
}

const UNREACHABLE: &str = "OrgX cannot be reached";
const WEB_PAGE: &str = "A web page answered instead of OrgX";
const WEB_PAGE_TEXT: &str = "This network may want you to sign in first: open a browser, then try again. Or the address of OrgX is wrong.";

impl CheckError {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Shape(_) => "shape",
            Self::Rejected => "rejected",
            Self::Forbidden => "forbidden",
            Self::Unreachable(_) => "unreachable",
            Self::WebPage => "web_page",
            Self::Refused(_) => "refused",
            Self::Odd(_) => "odd",
        }
    }

    /// What happened.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Shape(_) => "This is not an OrgX key",
            Self::Rejected => "OrgX does not know this key",
            Self::Forbidden => "This key cannot receive tasks",
            Self::Unreachable(_) => UNREACHABLE,
            Self::WebPage => WEB_PAGE,
            Self::Refused(_) | Self::Odd(_) => "OrgX could not check the key",
        }
    }

    /// What it means, and what to do.
    pub fn text(&self) -> String {
        match self {
            Self::Shape(why) => format!("{why} Copy it from OrgX once more."),
            Self::Rejected => "It may have been replaced by a newer one.".to_owned(),
            Self::Forbidden => "It lacks the permission for it in OrgX.".to_owned(),
            Self::Unreachable(words) => format!("{}. The key was not checked.", upper(words)),
            Self::WebPage => WEB_PAGE_TEXT.to_owned(),
            Self::Refused(status) => format!("It answered {status}. Try again in a minute."),
            Self::Odd(words) => format!("It {words}. The address of OrgX may be wrong."),
        }
    }
}

/// Why connecting in the browser gave no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}. {}", self.title(), self.text())]
pub enum PairError {
    /// Nobody pressed Connect in time.
    Lapsed {
        /// The time, in minutes.
        minutes: u64,
    },
    /// Somebody pressed Cancel.
    Cancelled,
    /// The key was given out before.
    Consumed,
    /// OrgX says that it failed, in these words; it may have none.
    Failed(String),
    /// OrgX cannot be reached, for this reason.
    Unreachable(String),
    /// OrgX refused with this status.
    Refused(u16),
    /// A web page answered.
    WebPage,
    /// The page to open is not OrgX's.
    Page(AddressError),
    /// OrgX's answer is none.
    Odd(&'static str),
}

impl PairError {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Lapsed { .. } => "lapsed",
            Self::Cancelled => "cancelled",
            Self::Consumed => "consumed",
            Self::Failed(_) => "failed",
            Self::Unreachable(_) => "unreachable",
            Self::Refused(_) => "refused",
            Self::WebPage => "web_page",
            Self::Page(_) => "page",
            Self::Odd(_) => "odd",
        }
    }

    /// What happened.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Lapsed { .. } => "The code lapsed",
            Self::Cancelled => "Connecting was cancelled",
            Self::Consumed => "The code was used before",
            Self::Failed(_) => "OrgX could not connect this computer",
            Self::Unreachable(_) => UNREACHABLE,
            Self::Refused(status) if is_not_offered(*status) => "OrgX does not offer this here",
            Self::Refused(_) => "OrgX refused to connect this computer",
            Self::WebPage => WEB_PAGE,
            Self::Page(_) => "The page to open is not OrgX's",
            Self::Odd(_) => "OrgX's answer makes no sense",
        }
    }

    /// What it means, and what to do.
    pub fn text(&self) -> String {
        match self {
            Self::Lapsed { minutes: 0 | 1 } => {
                "Nobody pressed Connect within a minute. Nothing was changed.".to_owned()
            }
            Self::Lapsed { minutes } => {
                format!("Nobody pressed Connect within {minutes} minutes. Nothing was changed.")
            }
            Self::Cancelled => "Somebody pressed Cancel on the page. Nothing was changed.".to_owned(),
            Self::Consumed => {
                "A code gives its key once, and this one has. If that was not you, remove the key in OrgX; get a new \
                 code here."
                    .to_owned()
            }
            Self::Failed(words) if words.is_empty() => {
                "It did not say why. Nothing was changed: get a new code, or paste a key.".to_owned()
            }
            Self::Failed(words) => {
                format!("It says: {}. Get a new code, or paste a key.", words.trim_end_matches('.'))
            }
            Self::Unreachable(words) => format!("{}. Nothing was changed.", upper(words)),
            Self::Refused(status) if is_not_offered(*status) => {
                format!("It answered {status}. Paste a key from OrgX instead.")
            }
            Self::Refused(status) => {
                format!("It answered {status}. Try again in a minute, or paste a key from OrgX.")
            }
            Self::WebPage => WEB_PAGE_TEXT.to_owned(),
            Self::Page(why) => {
                format!("It was not opened: {why}. Check the address of OrgX, or paste a key.")
            }
            Self::Odd(words) => format!("It {words}. Check the address of OrgX, or paste a key."),
        }
    }

    /// Is a key to be pasted instead?
    pub fn wants_a_key(&self) -> bool {
        matches!(self, Self::Refused(status) if is_not_offered(*status))
    }
}

/// Does it mean that this way is closed, rather than broken?
fn is_not_offered(status: u16) -> bool {
    matches!(status, 401 | 403 | 404 | 405 | 501)
}

/// As the beginning of a sentence.
fn upper(words: &str) -> String {
    let mut signs = words.chars();
    match signs.next() {
        Some(first) => first.to_uppercase().chain(signs).collect(),
        None => String::new(),
    }
}
