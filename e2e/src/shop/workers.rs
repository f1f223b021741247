//! What the shop does.

use kerrera::prelude::*;

macro_rules! workers {
    ($($(#[$about:meta])* $name:ident { $($field:ident: $kind:ty),+ } $perform:expr;)+) => {
        $(
            #[derive(Clone, Serialize, Deserialize, Worker)]
            $(#[$about])*
            pub(super) struct $name { $(pub(super) $field: $kind),+ }

            impl Perform for $name {
                async fn perform(&self, cx: &Context) -> JobResult {
                    $perform(cx).await
                }
            }
        )+

        /// Lets a node have them all.
        pub(super) fn register(node: kerrera::Builder) -> kerrera::Builder {
            node$(.worker::<$name>())+
        }
    };
}

workers! {
    /// Greets somebody who has signed up.
    #[worker(queue = "mailers", max_attempts = 5)]
    SendWelcomeEmail { user_id: i64 } at_once;

    /// Sends what is owed, as a PDF.
    #[worker(queue = "mailers", max_attempts = 5)]
    SendInvoice { order_id: i64 } at_once;

    /// Takes the money for an order.
    #[worker(queue = "payments", max_attempts = 3)]
    ChargeCard { order_id: i64, cents: i64 } at_once;

    /// Makes the sizes of a picture that the pages need.
    #[worker(queue = "media", max_attempts = 10)]
    ResizeImage { image: i64, width: i64 } for_a_while;

    /// Reads a partner's list of customers.
    #[worker(queue = "imports", max_attempts = 3)]
    ImportCustomers { file: String } row_by_row;

    /// Adds up what was sold.
    #[worker(queue = "reports")]
    BuildReport { day: i64 } at_once;

    /// Asks a warehouse what it has.
    SyncInventory { warehouse: String } at_once;
}

async fn at_once(_: &Context) -> JobResult {
    done()
}

async fn for_a_while(_: &Context) -> JobResult {
    std::future::pending().await
}

async fn row_by_row(cx: &Context) -> JobResult {
    cx.progress(3_120, 8_400, "partners: rows read");
    std::future::pending().await
}
