//! Welcomes a new user.

use kerrera::prelude::*;

use crate::app::App;
use crate::mailer::Mail;
use crate::pace;

/// Sends the welcome mail.
#[derive(Serialize, Deserialize, Worker)]
#[worker(queue = "mailers", max_attempts = 3)]
#[worker(tags = ["kerrera-demo"], backoff = pace::backoff)]
pub(crate) struct SendWelcomeEmail {
    pub(crate) user_id: i64,
}

impl SendWelcomeEmail {
    /// What its Message-IDs begin with.
    pub(crate) const MESSAGE: &str = "welcome-";
}

impl Perform<App> for SendWelcomeEmail {
    async fn perform(&self, cx: &Context<App>) -> JobResult {
        let app = cx.state();
        let Some(user) = app.store.user(self.user_id).await? else {
            return cancel("the user is gone");
        };
        let mail = Mail {
            name: &user.name,
            email: &user.email,
            subject: "Welcome",
            body: format!("Welcome, {}!\n\nYour account is ready.\n", user.name),
            // An attempt whose answer was lost has sent the mail: the next one sends the same.
            key: format!("{}{}", Self::MESSAGE, cx.idempotency_key()),
        };
        match app.mailer.send(mail).await {
            Ok(()) => {}
            Err(error) if error.is_permanent() => return cancel(error),
            Err(error) => return Err(error.into()),
        }
        app.store.greeted(user.id).await?;
        done()
    }
}
