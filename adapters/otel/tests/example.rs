//! What the example `metrics` answers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use kerrera::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[path = "../examples/metrics.rs"]
#[allow(dead_code, reason = "its main is not called")]
mod metrics;

#[tokio::test]
async fn prometheus_can_ask_the_example() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = metrics::serve(listener, async {
        let _ = stopped.await;
    });
    let asking = async {
        let labels = "queue=\"pictures\",worker=\"Resize\"";
        let expected = [
            format!("kerrera_jobs_started_total{{{labels}}} 100\n"),
            format!("kerrera_jobs_finished_total{{{labels},state=\"success\"}} 80\n"),
            format!("kerrera_jobs_finished_total{{{labels},state=\"discard\"}} 20\n"),
            format!("kerrera_job_duration_seconds_count{{{labels}}} 100\n"),
            "kerrera_jobs_inserted_total 100\n".to_owned(),
            "# TYPE kerrera_jobs_finished_total counter\n".to_owned(),
        ];
        let mut page = String::new();
        for _ in 0..2_000 {
            page = ask(address, "/metrics").await;
            assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
            if expected.iter().all(|line| page.contains(line)) {
                assert!(ask(address, "/").await.starts_with("HTTP/1.1 404"), "nothing else");
                stop.send(()).unwrap();
                return;
            }
            tokio::time::sleep(5.milliseconds()).await;
        }
        panic!("{page}");
    };
    let (served, ()) = tokio::join!(serving, asking);
    served.unwrap();
}

async fn ask(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
