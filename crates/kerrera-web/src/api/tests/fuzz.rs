//! What the document describes, asked with what it allows and with what it does not.
//!
//! Whatever is sent: no error of ours, problems as problems, and every answer as the document has it.

use axum::http::HeaderValue;
use jsonschema::Validator;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;

/// How often each operation is asked.
const ROUNDS: usize = 60;

#[tokio::test]
async fn whatever_is_sent_the_answer_is_what_the_document_says() {
    let router = dashboard().await.router::<()>();
    let document = document(&router).await;
    let mut fuzzer = Fuzzer::new(&document);
    let mut done = 0;
    for operation in operations(&document) {
        for _ in 0..ROUNDS {
            let (uri, body) = fuzzer.sent(&operation);
            let Ok(uri) = uri.parse::<axum::http::Uri>() else { continue };
            let mut request = request(&operation.method, &uri.to_string(), Some("all"), &body);
            for (name, value) in fuzzer.headers(&operation) {
                request.headers_mut().insert(name, value);
            }
            let answer = ask(&router, request).await;
            if let Err(why) = fuzzer.check(&operation, &answer) {
                panic!(
                    "{} {uri}\n{body}\n{}\n{}\n{why}",
                    operation.method, answer.status, answer.body
                );
            }
            done += usize::from(answer.status.is_success());
        }
    }
    assert!(done > ROUNDS, "of what is sent, some must be right: {done}");
}

/// Makes requests of the document, and checks answers against it.
struct Fuzzer<'d> {
    document: &'d Value,
    runner: TestRunner,
}

impl<'d> Fuzzer<'d> {
    fn new(document: &'d Value) -> Fuzzer<'d> {
        // The same requests each time: a failure is one to be looked at, not one to be run again.
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
        Fuzzer { document, runner: TestRunner::new_with_rng(Config::default(), rng) }
    }

    fn pick<T: std::fmt::Debug>(&mut self, strategy: impl Strategy<Value = T>) -> T {
        strategy.new_tree(&mut self.runner).unwrap().current()
    }

    /// An address and a body for it.
    fn sent(&mut self, operation: &Operation) -> (String, String) {
        let escape = crate::links::escape;
        let mut path = operation.path.replace("{instance}", "main");
        let mut query = Vec::new();
        for parameter in operation.said["parameters"].as_array().unwrap() {
            let name = parameter["name"].as_str().unwrap();
            let value = self.parameter(parameter);
            match parameter["in"].as_str().unwrap() {
                "path" => path = path.replace(&format!("{{{name}}}"), &escape(&value)),
                "query" if self.pick(any::<bool>()) => {
                    query.push(format!("{name}={}", escape(&value)));
                }
                _ => {}
            }
        }
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        let schema = &operation.said["requestBody"]["content"]["application/json"]["schema"];
        let body = match schema {
            Value::Null => String::new(),
            schema => self.body(&schema.clone()),
        };
        (path, body)
    }

    /// Those headers that are described.
    fn headers(&mut self, operation: &Operation) -> Vec<(header::HeaderName, HeaderValue)> {
        let mut headers = Vec::new();
        for parameter in operation.said["parameters"].as_array().unwrap() {
            if parameter["in"] == "header" && self.pick(0..3_u8) > 0 {
                let known = prop::sample::select(vec!["*", "one", "another"]);
                let value = self.pick(prop_oneof![known.prop_map(str::to_owned), hostile()]);
                let name = parameter["name"].as_str().unwrap().parse().unwrap();
                headers.extend(HeaderValue::from_str(&value).ok().map(|value| (name, value)));
            }
        }
        headers
    }

    fn parameter(&mut self, parameter: &Value) -> String {
        let schema = parameter["schema"].clone();
        match self.pick(0..4_u8) {
            // Names of what there is.
            0 | 1 => {
                self.pick(prop::sample::select(vec!["mail", "web-1", "1", "2", "daily"])).to_owned()
            }
            2 => match self.valid(&schema, 0) {
                Value::String(text) if !text.is_empty() => text,
                Value::Number(number) => number.to_string(),
                _ => "x".to_owned(),
            },
            _ => self.pick(hostile()),
        }
    }

    fn body(&mut self, schema: &Value) -> String {
        match self.pick(0..5_u8) {
            0..=2 => self.valid(schema, 0).to_string(),
            3 => {
                // Right but for one thing.
                let mut value = self.valid(schema, 0);
                let wrong = self.pick(prop::sample::select(wrong_values()));
                if let Some(fields) = value.as_object_mut() {
                    let names: Vec<String> = fields.keys().cloned().collect();
                    let name = match names.as_slice() {
                        [] => "unknown".to_owned(),
                        names => self.pick(prop::sample::select(names.to_vec())),
                    };
                    value[name] = wrong;
                }
                value.to_string()
            }
            _ => self.pick(prop::sample::select(broken_bodies())),
        }
    }

    /// A value that a schema allows.
    fn valid(&mut self, schema: &Value, depth: usize) -> Value {
        let schema = self.resolved(schema);
        if let Some(values) = schema["enum"].as_array() {
            return self.pick(prop::sample::select(values.clone()));
        }
        for choice in ["oneOf", "anyOf"] {
            if let Some(choices) = schema[choice].as_array() {
                let chosen = self.pick(prop::sample::select(choices.clone()));
                return self.valid(&chosen, depth + 1);
            }
        }
        let kinds = match &schema["type"] {
            Value::Array(kinds) => kinds.clone(),
            kind => vec![kind.clone()],
        };
        let kind = self.pick(prop::sample::select(kinds));
        match kind.as_str().unwrap_or("null") {
            "object" => {
                let required = schema["required"].as_array().cloned().unwrap_or_default();
                let properties = schema["properties"].as_object().cloned().unwrap_or_default();
                let mut fields = serde_json::Map::new();
                for (name, property) in properties {
                    let is_required = required.iter().any(|one| *one == name);
                    if is_required || (depth < 4 && self.pick(any::<bool>())) {
                        let value = self.valid(&property, depth + 1);
                        fields.insert(name, value);
                    }
                }
                Value::Object(fields)
            }
            "array" => {
                let many = self.pick(0..3_usize);
                (0..many).map(|_| self.valid(&schema["items"].clone(), depth + 1)).collect()
            }
            "integer" => {
                let least = schema["minimum"].as_i64().unwrap_or(0);
                let most = schema["maximum"].as_i64().unwrap_or(i64::from(i32::MAX));
                let edges = prop_oneof![Just(least), Just(most), least..=most];
                self.pick(edges).into()
            }
            "number" => json!(self.pick(-1e9..1e9_f64)),
            "boolean" => self.pick(any::<bool>()).into(),
            "string" if schema["format"] == "date-time" => {
                let times =
                    ["2027-01-01T00:00:00Z", "2026-12-31T23:59:60.5+09:00", "9999-12-31T00:00:00Z"];
                self.pick(prop::sample::select(times.to_vec())).into()
            }
            "string" => self.pick("[a-z0-9]{1,12}").into(),
            _ => Value::Null,
        }
    }

    fn resolved(&self, schema: &Value) -> Value {
        match schema["$ref"].as_str() {
            None => schema.clone(),
            Some(to) => self.document.pointer(to.trim_start_matches('#')).unwrap().clone(),
        }
    }

    /// Whether an answer is one that the document has.
    fn check(&self, operation: &Operation, answer: &Answer) -> Result<(), String> {
        if answer.status.is_server_error() {
            return Err("an error of ours".to_owned());
        }
        let responses = &operation.said["responses"];
        let said = match &responses[answer.status.as_str()] {
            Value::Null if answer.status.is_success() => {
                return Err("nothing is said of it".to_owned());
            }
            Value::Null => &responses["default"],
            said => said,
        };
        let Some(content) = said["content"].as_object() else {
            return match answer.body.is_empty() {
                true => Ok(()),
                false => Err("nothing was to be said".to_owned()),
            };
        };
        let kind = answer.kind();
        let content = content.get(kind).ok_or_else(|| format!("it is {kind:?}"))?;
        let validator = self.validator(&content["schema"]);
        let bodies: Vec<Value> = match kind {
            "application/x-ndjson" => {
                let lines = answer.body.lines().map(serde_json::from_str);
                lines.collect::<Result<_, _>>().map_err(|error| error.to_string())?
            }
            _ => vec![answer.json()],
        };
        for body in &bodies {
            validator.validate(body).map_err(|error| error.to_string())?;
        }
        let is_problem = kind == "application/problem+json";
        match is_problem == answer.status.is_client_error() {
            true => Ok(()),
            false => Err("a problem, or none".to_owned()),
        }
    }

    fn validator(&self, schema: &Value) -> Validator {
        let mut whole = schema.clone();
        whole["components"] = self.document["components"].clone();
        jsonschema::draft202012::new(&whole).unwrap()
    }
}

/// What people who mean no good send as a name or a number.
fn hostile() -> impl Strategy<Value = String> {
    let known = [
        "' or 1=1 --",
        "\"; drop table oban_jobs; --",
        "%",
        "%25",
        "..",
        "../../etc/passwd",
        "\u{0}",
        "a\u{0}b",
        "\r\nset-cookie: a=b",
        "<script>alert(1)</script>",
        "-1",
        "9223372036854775808",
        "1e400",
        "NaN",
        "{}",
        "\u{202e}gnp",
        "오류",
    ];
    prop_oneof![
        prop::sample::select(known.map(str::to_owned).to_vec()),
        "\\PC{1,40}",
        any::<i64>().prop_map(|number| number.to_string()),
        Just("x".repeat(3_000)),
    ]
}

fn wrong_values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(-1),
        json!(0),
        json!(1.5),
        json!(u64::MAX),
        json!(""),
        json!("\u{0}"),
        json!("x".repeat(20_000)),
        json!([]),
        json!({}),
        json!([[[[[[]]]]]]),
        json!(true),
        json!("' or 1=1 --"),
        json!("99999-01-01T00:00:00Z"),
        json!("-262143-01-01T00:00:00Z"),
    ]
}

fn broken_bodies() -> Vec<String> {
    let deep = "[".repeat(10_000);
    ["{", "null", "[]", "\"text\"", "{\"limit\": 1e999}", "{\"a\":1,\"a\":2}", "\u{feff}{}", &deep]
        .map(str::to_owned)
        .to_vec()
}
