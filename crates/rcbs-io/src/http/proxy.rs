//! A proxy as requests name it: its address and its login.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use secrecy::ExposeSecret;

use super::{HttpError, ProxyOptions, origin_text};

/// A proxy that can be spoken to.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) uri: Uri,
    /// The value of `Proxy-Authorization`.
    pub(super) login: Option<HeaderValue>,
}

impl Proxy {
    /// # Errors
    /// [`HttpError::Proxy`] when it is of another kind, or no header can carry its login.
    pub(super) fn new(options: &ProxyOptions) -> Result<Self, HttpError> {
        let shown = origin_text(&options.url);
        let refused = |reason: &str| HttpError::Proxy {
            proxy: shown.clone(),
            reason: reason.to_owned(),
        };
        if !matches!(options.url.scheme(), "http" | "https") {
            return Err(refused("only http and https proxies are spoken to"));
        }
        if !options.url.username().is_empty() || options.url.password().is_some() {
            return Err(refused(
                "it holds a login, which belongs in the settings of its own",
            ));
        }
        let login = match &options.login {
            None => None,
            Some((user, _)) if user.contains(':') => {
                return Err(refused("its user name holds a colon"));
            }
            Some((user, password)) => {
                let login = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
                let mut login = HeaderValue::try_from(format!("Basic {login}"))
                    .map_err(|_| refused("no header can carry its login"))?;
                login.set_sensitive(true);
                Some(login)
            }
        };
        Ok(Self {
            uri: shown.parse().map_err(|_| refused("it is not an address"))?,
            login,
        })
    }
}
