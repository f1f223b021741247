use std::time::Duration;

use proc_macro2::{Delimiter, Group};
use quote::{ToTokens as _, quote};
use syn::parse_quote;

use super::*;

fn read(input: &str) -> (Options, Vec<String>) {
    let mut mistakes = Mistakes::default();
    let options = Options::read(&syn::parse_str(input).unwrap(), &mut mistakes);
    (options, mistakes.messages())
}

/// What is read of a list of options that is right.
fn right(list: &str) -> Options {
    let (options, messages) = read(&format!("#[worker({list})] struct Import;"));
    assert!(messages.is_empty(), "{list}: {messages:?}");
    options
}

/// The only message for a list of options.
fn wrong(list: &str) -> String {
    let (_, mut messages) = read(&format!("#[worker({list})] struct Import;"));
    assert_eq!(messages.len(), 1, "{list}: {messages:?}");
    messages.remove(0)
}

fn texts<'a>(literals: impl IntoIterator<Item = &'a LitStr>) -> Vec<String> {
    literals.into_iter().map(LitStr::value).collect()
}

#[test]
fn every_option_is_read() {
    let options = right(
        r#"name = "import", queue = "imports", max_attempts = 5, priority = 9,
           tags = ["csv", "daily",], timeout = "30s", backoff = waits::Slow::<2>::wait,
           abandon_after = "1m", unique = until_finished().by_keys(["file"]), crate = "::framework::kerrera","#,
    );
    assert_eq!(texts(&options.name), ["import"]);
    assert_eq!(texts(&options.queue), ["imports"]);
    assert_eq!(options.max_attempts, Some(5));
    assert_eq!(options.priority, Some(9));
    assert_eq!(texts(&options.tags.unwrap()), ["csv", "daily"]);
    assert_eq!(options.timeout, Some(Duration::from_secs(30)));
    let backoff = options.backoff.to_token_stream().to_string();
    assert_eq!(backoff, quote!(waits::Slow::<2>::wait).to_string());
    assert_eq!(options.abandon_after, Some(Duration::from_secs(60)));
    let unique = options.unique.to_token_stream().to_string();
    assert_eq!(unique, quote!(until_finished().by_keys(["file"])).to_string());
    let path = options.kerrera.to_token_stream().to_string();
    assert_eq!(path, quote!(::framework::kerrera).to_string());
}

#[test]
fn what_people_are_told_of_a_worker_is_read() {
    let options = right(
        r#"description = "Pays.", owner = "team-money", docs = "https://wiki.example/pay",
           sensitive = ["card.number", "iban"]"#,
    );
    assert_eq!(texts(&options.description), ["Pays."]);
    assert_eq!(texts(&options.owner), ["team-money"]);
    assert_eq!(texts(&options.docs), ["https://wiki.example/pay"]);
    assert_eq!(texts(&options.sensitive.unwrap()), ["card.number", "iban"]);
    assert!(wrong(r#"docs = "javascript:alert(1)""#).contains("https://"));
    assert!(wrong(r#"sensitive = ["card..number"]"#).contains("no path"));
    assert!(wrong(r#"sensitive = "card""#).contains("a list of paths"));
    assert!(wrong(r#"owner = " ""#).contains("blank"));
}

#[test]
fn the_first_paragraph_of_the_documentation_is_the_description() {
    let summary = |text: &str| summary(&syn::parse_str(text).unwrap());
    let text = "/// Imports a file\n/// line by line.\n///\n/// # Errors\nstruct Import;";
    assert_eq!(summary(text).as_deref(), Some("Imports a file line by line."));
    assert_eq!(summary("struct Import;"), None);
    assert_eq!(summary("#[doc(hidden)] struct Import;"), None);
}

#[test]
fn nothing_has_to_be_said() {
    for input in ["struct Import;", "#[worker()] struct Import;", "#[serde(tag)] enum Import {}"] {
        let (options, messages) = read(input);
        assert!(messages.is_empty(), "{messages:?}");
        assert!(options.name.is_none() && options.queue.is_none() && options.tags.is_none());
    }
}

#[test]
fn several_attributes_are_one_list() {
    let (options, messages) =
        read(r#"#[worker(queue = "imports")] #[worker(priority = 2)] struct Import;"#);
    assert!(messages.is_empty(), "{messages:?}");
    assert_eq!((texts(&options.queue), options.priority), (vec!["imports".to_owned()], Some(2)));
    let (_, messages) = read("#[worker(priority = 1)] #[worker(priority = 2)] struct Import;");
    assert_eq!(messages, ["`priority` is given twice"]);
}

#[test]
fn the_bounds_are_those_of_an_insertion() {
    assert_eq!(LONGEST_NAME, kerrera_core::new_job::LONGEST_NAME);
    let broken = |priority, attempts| {
        let job = kerrera_core::NewJob::of("Import", serde_json::json!({}));
        let job = job.priority(priority).max_attempts(attempts);
        job.validate(&kerrera_core::Limits::default()).is_err()
    };
    for priority in 0..=11 {
        let (_, messages) = read(&format!("#[worker(priority = {priority})] struct Import;"));
        assert_eq!(messages.is_empty(), !broken(priority, 1), "{messages:?}");
    }
    for attempts in [0, 1, 2, 32_766, 32_767, 32_768, u32::MAX] {
        let (_, messages) = read(&format!("#[worker(max_attempts = {attempts})] struct Import;"));
        assert_eq!(messages.is_empty(), !broken(0, attempts), "{messages:?}");
    }
}

#[test]
fn a_number_out_of_bounds_is_named_with_its_bounds() {
    assert_eq!(wrong("priority = 10"), "`priority` is 10, and must be between 0 and 9");
    assert_eq!(wrong("max_attempts = 0"), "`max_attempts` is 0, and must be between 1 and 32767");
    let message = wrong("max_attempts = 99999999999999999999999");
    assert!(message.starts_with("`max_attempts` is 99999999999999999999999, and"), "{message}");
}

#[test]
fn a_name_must_be_one_that_can_be_stored() {
    for key in ["name", "queue"] {
        let longest = "é".repeat(127);
        right(&format!("{key} = \"{longest}\""));
        assert_eq!(
            wrong(&format!("{key} = \"{longest}é\"")),
            format!("`{key}` has 128 characters, and may have 127")
        );
        assert_eq!(wrong(&format!("{key} = \"\"")), format!("`{key}` must not be blank"));
        assert_eq!(wrong(&format!("{key} = \" \"")), format!("`{key}` must not be blank"));
        let message = wrong(&format!("{key} = \"a\\nb\""));
        assert_eq!(message, format!("`{key}` must have no control characters, as \"a\\nb\" has"));
    }
}

#[test]
fn the_name_of_the_type_must_not_be_too_long_either() {
    let longest = "A".repeat(127);
    let (_, messages) = read(&format!("struct {longest};"));
    assert!(messages.is_empty(), "{messages:?}");
    let (_, messages) = read(&format!("struct {longest}A;"));
    assert!(messages[0].contains("127 characters"), "{messages:?}");
    let (_, messages) = read(&format!("#[worker(name = \"A\")] struct {longest}A;"));
    assert!(messages.is_empty(), "{messages:?}");
}

#[test]
fn a_value_of_another_kind_is_answered_with_an_example() {
    let cases = [
        ("name = SendMail", "`name` takes text: `name = \"SendWelcomeEmail\"`"),
        ("queue = 3", "`queue` takes text: `queue = \"mailers\"`"),
        ("queue", "`queue` takes text: `queue = \"mailers\"`"),
        ("queue = ", "`queue` takes text: `queue = \"mailers\"`"),
        ("queue = ,", "`queue` takes text: `queue = \"mailers\"`"),
        ("queue(\"mailers\")", "`queue` takes text: `queue = \"mailers\"`"),
        ("queue: \"mailers\"", "`queue` takes text: `queue = \"mailers\"`"),
        (
            "max_attempts = \"3\"",
            "`max_attempts` takes a number from 1 to 32767: `max_attempts = 3`",
        ),
        (
            "max_attempts = MOST",
            "`max_attempts` takes a number from 1 to 32767: `max_attempts = 3`",
        ),
        ("priority = -1", "`priority` takes a number from 0 to 9: `priority = 3`"),
        ("priority = 1.5", "`priority` takes a number from 0 to 9: `priority = 3`"),
        ("priority = 3u8", "`priority` takes a number from 0 to 9: `priority = 3`"),
        ("tags(\"mail\")", "`tags` takes a list of texts: `tags = [\"mail\", \"daily\"]`"),
        ("tags = \"mail\"", "`tags` takes a list of texts: `tags = [\"mail\", \"daily\"]`"),
        ("tags = [mail]", "`tags` takes a list of texts: `tags = [\"mail\", \"daily\"]`"),
        ("timeout = 30s", "`timeout` takes a length of time as text: `timeout = \"30s\"`"),
        ("timeout = 30.seconds()", "`timeout` takes a length of time as text: `timeout = \"30s\"`"),
        (
            "backoff = \"slow\"",
            "`backoff` takes the path of a function, without quotes: `backoff = wait_longer`",
        ),
        (
            "backoff = |job| wait(job)",
            "`backoff` takes the path of a function, without quotes: `backoff = wait_longer`",
        ),
        ("unique = \"60s\"", "`unique` takes a rule, without quotes: `unique = until_finished()`"),
        ("unique = true", "`unique` takes a rule, without quotes: `unique = until_finished()`"),
        ("unique", "`unique` takes a rule, without quotes: `unique = until_finished()`"),
        ("crate = kerrera", "`crate` takes a path as text: `crate = \"my_framework::kerrera\"`"),
        ("crate = \"a b\"", "`crate` takes a path as text: `crate = \"my_framework::kerrera\"`"),
    ];
    for (list, message) in cases {
        assert_eq!(wrong(list), message, "{list}");
    }
}

#[test]
fn an_unknown_option_is_answered_with_the_nearest_or_with_all() {
    assert_eq!(wrong("que = \"a\""), "unknown option `que`, did you mean `queue`?");
    assert_eq!(wrong("attempts = 3"), "unknown option `attempts`, did you mean `max_attempts`?");
    assert_eq!(wrong("Queue::Mail = 3"), "unknown option `Queue`, did you mean `queue`?");
    assert_eq!(
        wrong("cron(\"0 7 * * *\", utc)"),
        "unknown option `cron`: the options are name, queue, max_attempts, priority, tags, \
         timeout, backoff, abandon_after, unique, description, owner, docs, sensitive, crate"
    );
    assert_eq!(wrong("\"mailers\""), "expected an option, such as `queue = \"mailers\"`");
}

#[test]
fn a_tag_must_be_one_that_can_be_stored_and_stand_once() {
    right("tags = []");
    assert_eq!(wrong("tags = [\" \"]"), "a tag must not be blank");
    assert_eq!(wrong("tags = [\"mail\", \" Mail\"]"), "the tag \"mail\" is given twice");
    let message = wrong("tags = [\"a\\0\"]");
    assert_eq!(message, "a tag must have no control characters, as \"a\\0\" has");
}

#[test]
fn a_length_of_time_must_have_a_unit_and_a_timeout_must_not_be_zero() {
    assert!(wrong("timeout = \"30\"").contains("lacks a unit"));
    assert!(wrong("timeout = \"0s\"").contains("leave it out for no limit"));
    assert!(wrong("timeout = \"1s\", abandon_after = \"soon\"").contains("not a length of time"));
    assert!(right("timeout = \"1s\", abandon_after = \"0s\"").abandon_after.is_some());
}

#[test]
fn nothing_can_be_abandoned_after_a_timeout_that_is_not_there() {
    assert!(wrong("abandon_after = \"10s\"").contains("add `timeout = \"30s\"`"));
    assert!(wrong("abandon_after = \"10s\", timeout = 3").starts_with("`timeout` takes"));
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let (options, messages) = read(
        r#"#[worker(que = "a", priority = 10, queue = "b" max_attempts = 3, timeout = "soon",
           tags = ["", 7, "ok", "x" "y", ""], tags = [], backoff = slow)]
           #[worker]
           #[worker = "mailers"]
           struct Import;"#,
    );
    let expected = [
        "unknown option `que`",
        "`priority` is 10",
        "expected `,`",
        "\"soon\" is not a length of time",
        "a tag must not be blank",
        "`tags` takes a list",
        "expected `,`",
        "a tag must not be blank",
        "`tags` is given twice",
        "write the options in parentheses",
        "write the options in parentheses",
    ];
    assert_eq!(messages.len(), expected.len(), "{messages:#?}");
    for (message, expected) in messages.iter().zip(expected) {
        assert!(message.starts_with(expected), "{message}");
    }
    assert_eq!(texts(&options.queue), ["b"]);
    assert!(options.backoff.is_some());
}

#[test]
fn values_may_come_out_of_a_macro() {
    // What a `macro_rules!` puts in the place of its variables.
    let variable = |tokens| Group::new(Delimiter::None, tokens);
    let (three, queue) = (variable(quote!(3)), variable(quote!("imports")));
    let (tags, backoff) = (variable(quote!(["csv"])), variable(quote!(slow::wait)));
    let input = parse_quote! {
        #[worker(queue = #queue, max_attempts = #three, tags = #tags, backoff = #backoff)]
        struct Import;
    };
    let mut mistakes = Mistakes::default();
    let options = Options::read(&input, &mut mistakes);
    assert_eq!(mistakes.messages(), [""; 0]);
    assert_eq!(texts(&options.queue), ["imports"]);
    assert_eq!(options.max_attempts, Some(3));
    assert_eq!(texts(&options.tags.unwrap()), ["csv"]);
    assert!(options.backoff.is_some());
}
