//! Where a worker panicked.
//!
//! A caught panic brings its message; its place is known only to the panic hook. The hook is put in
//! front of the one that is there, which it calls as before.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::Once;
use std::task::{Context, Poll};

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Begins to remember where panics happen; once per process.
pub(crate) fn watch() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let place =
                panic.location().map(|at| format!("{}:{}:{}", at.file(), at.line(), at.column()));
            // A thread that is ending has no place left to remember it.
            let _ = LAST.try_with(|last| *last.borrow_mut() = place);
            before(panic);
        }));
    });
}

/// Runs something, and says with what words and where it panicked.
pub(crate) fn catch<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        let place = LAST.with(RefCell::take);
        let place = place.map_or_else(String::new, |place| format!(", at {place}"));
        format!("** (Panic) {}{place}", words(payload))
    })
}

/// A future that ends with the words of its panic, should it panic.
pub(crate) struct Caught<F>(Option<Pin<Box<F>>>)
where
    F: ?Sized;

impl<F: Future + ?Sized> Caught<F> {
    pub(crate) fn new(future: Pin<Box<F>>) -> Caught<F> {
        Caught(Some(future))
    }

    /// Drops the future at the await where it stands, and says so if that panics.
    pub(crate) fn abort(&mut self) -> Result<(), String> {
        let future = self.0.take();
        catch(|| drop(future))
    }
}

impl<F: Future + ?Sized> Future for Caught<F> {
    type Output = Result<F::Output, String>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.0 else { return Poll::Pending };
        match catch(|| future.as_mut().poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => {
                // What it holds is dropped here, where a panic is caught too.
                Poll::Ready(self.abort().map(|()| output))
            }
            Err(words) => {
                let _ = self.abort();
                Poll::Ready(Err(words))
            }
        }
    }
}

fn words(payload: Box<dyn Any + Send>) -> String {
    let payload = match payload.downcast::<String>() {
        Ok(text) => return *text,
        Err(payload) => payload,
    };
    match payload.downcast::<&'static str>() {
        Ok(text) => (*text).to_owned(),
        Err(payload) => {
            // Its drop may panic as well.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| drop(payload)));
            "with something that is not text".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_told_with_its_words_and_its_place() {
        watch();
        let number = 7;
        let future = Box::pin(async move { assert_eq!(number, 8, "the number is wrong") });
        let words = Caught::new(future).await.unwrap_err();
        assert!(words.contains("the number is wrong"), "{words}");
        assert!(words.contains("panics.rs:"), "{words}");
    }

    #[tokio::test]
    async fn any_payload_is_survived() {
        watch();
        struct Rude;
        impl Drop for Rude {
            fn drop(&mut self) {
                panic!("again");
            }
        }
        let future = Box::pin(async { panic::panic_any(Rude) });
        let words: Result<(), String> = Caught::new(future).await;
        assert!(words.unwrap_err().contains("not text"));

        let mut future = Caught::new(Box::pin(async {
            let _rude = Rude;
            std::future::pending::<()>().await;
        }));
        let mut nowhere = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut future).poll(&mut nowhere).is_pending());
        assert!(future.abort().unwrap_err().contains("again"));
    }
}
