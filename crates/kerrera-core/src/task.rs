//! What a task can do for the others on its thread.

use std::future::poll_fn;
use std::task::Poll;

/// Goes to the end of the line of tasks that can run.
///
/// Tokio's `yield_now` stands aside until its thread has nothing else to do, and out of the reach of other
/// threads: if a task that comes before it blocks the thread, until that has ended.
pub async fn let_others() {
    let mut was_last = false;
    poll_fn(|cx| {
        if was_last {
            return Poll::Ready(());
        }
        was_last = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
