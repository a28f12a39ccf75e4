//! What a keychain is asked, and how it fails.

use secrecy::SecretString;

/// The entry's service in every keychain.
pub(super) const SERVICE: &str = "orgx-peer";

/// A keychain. Every call may block for as long as the person takes to unlock it.
pub trait Keychain: Send + Sync + 'static {
    /// The key of this account.
    ///
    /// # Errors
    /// When the keychain cannot be asked.
    fn get(&self, account: &str) -> Result<Option<SecretString>, KeychainError>;

    /// Keeps a key.
    ///
    /// # Errors
    /// When the keychain does not take it.
    fn set(&self, account: &str, key: &SecretString) -> Result<(), KeychainError>;

    /// Removes a key. Was there one?
    ///
    /// # Errors
    /// When the keychain cannot be asked.
    fn delete(&self, account: &str) -> Result<bool, KeychainError>;

    /// An entry that another program made (with keytar, which Node programs use).
    ///
    /// # Errors
    /// When the keychain cannot be asked.
    fn entry(&self, service: &str, account: &str) -> Result<Option<SecretString>, KeychainError>;
}

/// Why a key could not be read or kept: what happened, what it means, what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeychainError {
    /// It is there, and gives nothing out.
    #[error(
        "The keychain is locked. Your key is kept in it, so OrgX Peer cannot sign in: unlock the keychain, then try again."
    )]
    Locked,
    /// There is none.
    #[error(
        "There is no keychain on this computer now, so a key cannot be kept in one. Start the keychain (on Linux: GNOME \
         Keyring, KWallet or KeePassXC), or keep the key in memory or in a file."
    )]
    Absent,
    /// It does not answer.
    #[error(
        "The keychain does not answer. It may be asking you something in a window of its own: answer it, then try again."
    )]
    Late,
    /// Anything else.
    #[error("The keychain could not be used: {0}. Try again, or keep the key in memory or in a file.")]
    Failed(String),
}

impl KeychainError {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Absent => "absent",
            Self::Late => "late",
            Self::Failed(_) => "failed",
        }
    }
}
