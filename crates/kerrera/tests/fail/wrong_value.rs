use kerrera::prelude::*;

#[derive(Serialize, Deserialize, Worker)]
#[worker(name = "", queue = 7, max_attempts = 0, priority = 10)]
struct OutOfBounds;

#[derive(Serialize, Deserialize, Worker)]
#[worker(queue("mailers"), max_attempts = "3", priority = -1, backoff = "slowly")]
struct OfAnotherKind;

#[derive(Serialize, Deserialize, Worker)]
#[worker(tags("mail", "daily"))]
struct TagsInParentheses;

#[derive(Serialize, Deserialize, Worker)]
#[worker(tags = ["mail", "", "Mail", 7])]
struct WrongTags;

#[derive(Serialize, Deserialize, Worker)]
#[worker(name = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
                 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")]
struct TooLong;

fn main() {}
