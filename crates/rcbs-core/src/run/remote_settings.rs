//! Asks for the backup's settings group, once: its certificates are those that recordings are sealed for, and nothing
//! depends on their being there.

use super::context::Context;
use crate::cms::Certificate;
use crate::readiness;

/// Asks without patience: a server that has no settings for us, or none right now, holds nothing up. Later calls wait
/// for the first and ask nothing.
pub(crate) async fn ask(context: &Context) {
    let certificates = context.seals.clouds.get_or_init(|| answer(context));
    certificates.await;
}

/// The certificates that the settings name.
async fn answer(context: &Context) -> Vec<Certificate> {
    match context.ports.api.settings().await {
        Ok(Some(settings)) => {
            let certificates = settings.certificates.len();
            tracing::debug!(names = ?settings.names, certificates, "the server's settings for the backup");
            let texts = settings.certificates.iter().map(String::as_bytes);
            return readiness::certificates(texts);
        }
        Ok(None) => tracing::debug!("the server has no settings for the backup"),
        Err(error) => tracing::info!(%error, "the server's settings for the backup are unknown"),
    }
    Vec::new()
}
