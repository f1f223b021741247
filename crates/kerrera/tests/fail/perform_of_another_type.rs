use kerrera::prelude::*;

#[derive(Serialize, Deserialize, Worker)]
struct ReturnsNothing;

impl Perform for ReturnsNothing {
    async fn perform(&self, _: &Context) {}
}

#[derive(Serialize, Deserialize, Worker)]
struct ReturnsAnotherResult;

impl Perform for ReturnsAnotherResult {
    async fn perform(&self, _: &Context) -> std::io::Result<()> {
        Ok(())
    }
}

#[derive(Serialize, Deserialize, Worker)]
struct ForgetsToReturn;

impl Perform for ForgetsToReturn {
    async fn perform(&self, _: &Context) -> JobResult {
        done();
    }
}

#[derive(Serialize, Deserialize, Worker)]
struct IsNotAsync;

impl Perform for IsNotAsync {
    fn perform(&self, _: &Context) -> JobResult {
        done()
    }
}

#[derive(Serialize, Deserialize, Worker)]
struct TakesAnotherState;

impl Perform for TakesAnotherState {
    async fn perform(&self, _: &Context<String>) -> JobResult {
        done()
    }
}

fn main() {}
