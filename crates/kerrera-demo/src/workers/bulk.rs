//! Writes to many users at once.

use futures_util::future::join_all;
use kerrera::prelude::*;

use crate::app::App;
use crate::mailer::Mail;
use crate::pace;
use crate::store::User;

/// How many mails of a job are on their way at once.
const AT_ONCE: usize = 10;

/// Sends the newsletter to some users: one job for all of them, who are loaded by one query.
#[derive(Serialize, Deserialize, Worker)]
#[worker(queue = "mailers", max_attempts = 3, priority = 5)]
#[worker(tags = ["kerrera-demo"], backoff = pace::backoff)]
pub(crate) struct BulkEmailSend {
    pub(crate) subject: String,
    pub(crate) user_ids: Vec<i64>,
}

impl BulkEmailSend {
    /// What its Message-IDs begin with.
    pub(crate) const MESSAGE: &str = "news-";

    fn mail_to<'a>(&'a self, user: &'a User, key: &str) -> Mail<'a> {
        Mail {
            name: &user.name,
            email: &user.email,
            subject: &self.subject,
            body: format!("Dear {},\n\nthere is news.\n", user.name),
            // One a user: the next attempt writes to all of them again, and nobody gets it twice.
            key: format!("{}{key}-{}", Self::MESSAGE, user.id),
        }
    }
}

impl Perform<App> for BulkEmailSend {
    async fn perform(&self, cx: &Context<App>) -> JobResult {
        let app = cx.state();
        let users = app.store.greeted_users(self.user_ids.clone()).await?;
        let key = cx.idempotency_key();
        let (mut sent, mut failure) = (0_u32, None);
        for some in users.chunks(AT_ONCE) {
            let mails = some.iter().map(|user| app.mailer.send(self.mail_to(user, &key)));
            for result in join_all(mails).await {
                match result {
                    Ok(()) => sent += 1,
                    // Gone since the welcome: nothing to be done about it.
                    Err(error) if error.is_permanent() => {}
                    // The others do not wait for this one.
                    Err(error) => failure = Some(error),
                }
            }
        }
        match failure {
            Some(error) => Err(format!("{sent} of {} were sent: {error}", users.len()).into()),
            None => done().value(sent),
        }
    }
}
