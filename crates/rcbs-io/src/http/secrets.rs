//! Keeps secrets out of text that a server sent back.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands in the place of a secret.
const HIDDEN: &str = "***";

/// Replaces known secrets in foreign text, in every form in which a server may echo them.
///
/// A net, not the control: nothing that we write holds a secret. It is for servers and proxies that repeat the
/// request in their error page.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    forms: Vec<String>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// Also hides this login: the password, and the pair as `Authorization: Basic` carries it.
    pub(crate) fn hide_login(&mut self, user: &str, password: &str) {
        self.hide(password);
        self.hide(&STANDARD.encode(format!("{user}:{password}")));
        // The longest form first, so that a short one does not leave the rest of a long one behind.
        self.forms
            .sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.forms.dedup();
    }

    /// The text without secrets. To be called before the text is cut to length.
    pub(crate) fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for form in &self.forms {
            if text.contains(form) {
                text = text.replace(form, HIDDEN);
            }
        }
        text
    }

    fn hide(&mut self, secret: &str) {
        if secret.is_empty() {
            return;
        }
        let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
        let html = secret
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;");
        let json = secret.replace('\\', "\\\\").replace('"', "\\\"");
        self.forms.extend([
            STANDARD.encode(secret),
            percent.to_ascii_lowercase(),
            percent,
            html,
            json,
            secret.to_owned(),
        ]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_echoed_login_is_hidden() {
        let mut redactor = Redactor::default();
        redactor.hide_login("u@t", "p&\"w/1");
        for echoed in [
            "p&\"w/1",
            "p%26%22w%2F1",
            "p&amp;&quot;w/1",
            "p&\\\"w/1",
            &STANDARD.encode("u@t:p&\"w/1"),
            &STANDARD.encode("p&\"w/1"),
        ] {
            assert_eq!(redactor.clean(&format!("<{echoed}>")), "<***>");
        }
        assert_eq!(redactor.clean("nothing here"), "nothing here");
    }

    #[test]
    fn an_empty_password_hides_nothing() {
        let mut redactor = Redactor::default();
        redactor.hide_login("u", "");
        assert_eq!(redactor.clean("text"), "text");
    }
}
