//! `kerrera queues`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use kerrera::{Client, Enrolled, Queue, Setting, Standing};
use serde_json::{Value, json};

use crate::arguments::{QueueTarget, QueuesArguments, QueuesCommand};
use crate::database;

pub(crate) async fn run(arguments: QueuesArguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        QueuesCommand::List { database, json } => {
            let client = database::connect(&database).await?;
            let (producers, orders) = (client.producers().await?, client.queue_orders().await?);
            if json {
                writeln!(io::stdout(), "{:#}", listed(&producers, &orders))?;
            } else {
                list(&client, &producers, &orders)?;
            }
        }
        QueuesCommand::Pause { target, span, until } => {
            let (queue, told) = Told::of(target, "paused").await?;
            match (span, until) {
                (Some(span), _) => queue.pause_for(span).await?,
                (None, Some(until)) => queue.pause_until(until).await?,
                (None, None) => queue.pause().await?,
            }
            told.tell()?;
        }
        QueuesCommand::Resume { target } => {
            let (queue, told) = Told::of(target, "resumed").await?;
            queue.resume().await?;
            told.tell()?;
        }
        QueuesCommand::Scale { target, limit } => {
            let (queue, told) = Told::of(target, "scaled").await?;
            queue.scale(limit).await?;
            told.tell()?;
        }
        QueuesCommand::Reset { target } => {
            let (queue, told) = Told::of(target, "reset").await?;
            queue.reset().await?;
            told.tell()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is told when an order has been given.
struct Told {
    did: &'static str,
    queue: Option<String>,
    node: Option<String>,
    json: bool,
}

impl Told {
    async fn of(target: QueueTarget, did: &'static str) -> anyhow::Result<(Queue, Told)> {
        let QueueTarget { queue: name, all: _, node, reason, by, database, json } = target;
        let client = database::connect_to_act(&database).await?;
        let mut queue = match &name {
            Some(name) => client.queue(name.clone()),
            None => client.queues(),
        };
        if let Some(node) = &node {
            queue = queue.node(node.clone());
        }
        if let Some(reason) = reason {
            queue = queue.reason(reason);
        }
        if let Some(by) = by {
            queue = queue.by(by);
        }
        Ok((queue, Told { did, queue: name, node, json }))
    }

    fn tell(self) -> io::Result<()> {
        let Told { did, queue, node, json } = self;
        if json {
            return writeln!(io::stdout(), "{}", json!({"did": did, "queue": queue, "node": node}));
        }
        let queue = queue.map_or_else(|| "all queues".to_owned(), |queue| quoted(&queue));
        writeln!(io::stdout(), "{did} {queue} on {}", place(node.as_deref()))
    }
}

fn list(client: &Client, producers: &[Enrolled], orders: &[Standing]) -> io::Result<()> {
    let mut output = io::stdout();
    writeln!(output, "{}", client.location())?;
    if producers.is_empty() {
        writeln!(output, "  no node works any queue")?;
    } else {
        let width = |of: fn(&Enrolled) -> &str, least: usize| {
            producers.iter().map(|one| of(one).chars().count()).fold(least, usize::max)
        };
        let queues = width(|one| &one.queue, "QUEUE".len());
        let nodes = width(|one| &one.node, "NODE".len());
        writeln!(
            output,
            "  {:queues$}  {:nodes$}  {:>6}  {:6}  SINCE",
            "QUEUE", "NODE", "LIMIT", "STATE"
        )?;
        for Enrolled { queue, node, limit, paused, started_at, .. } in producers {
            let state = if *paused { "paused" } else { "runs" };
            writeln!(
                output,
                "  {queue:queues$}  {node:nodes$}  {limit:>6}  {state:6}  {started_at}"
            )?;
        }
    }
    if !orders.is_empty() {
        writeln!(output, "\nWhat has been ordered, the newest last:")?;
    }
    for order in orders {
        writeln!(output, "  {}", sentence(order))?;
    }
    Ok(())
}

/// An order as a person would say it.
fn sentence(order: &Standing) -> String {
    let queue = order.queue.as_deref().map_or_else(|| "all queues".to_owned(), quoted);
    let what = match order.setting {
        Setting::Paused(true) => "paused".to_owned(),
        Setting::Paused(false) => "resumed".to_owned(),
        Setting::Limit(limit) => format!("scaled to {limit}"),
        Setting::Started { limit, .. } => format!("started with limit {limit}"),
        Setting::Stopped => "stopped".to_owned(),
        _ => "steered by a newer version".to_owned(),
    };
    let mut text = format!("{queue} {what} on {}, {}", place(order.node.as_deref()), order.at);
    if let Some(until) = order.until {
        text.push_str(&format!(", until {until}"));
    }
    match &order.by {
        Some(by) => text.push_str(&format!(", by {}", quoted(by))),
        None if order.is_signal => text.push_str(", by a signal of Oban's"),
        None => {}
    }
    if let Some(reason) = &order.reason {
        text.push_str(&format!(": {}", quoted(reason)));
    }
    text
}

fn listed(producers: &[Enrolled], orders: &[Standing]) -> Value {
    let producers = producers.iter().map(|one| {
        json!({
            "queue": one.queue,
            "node": one.node,
            "uuid": one.uuid.to_string(),
            "limit": one.limit,
            "paused": one.paused,
            "started_at": one.started_at.to_string(),
        })
    });
    let orders = orders.iter().map(|order| {
        let (setting, value) = match order.setting {
            Setting::Paused(paused) => ("paused", json!(paused)),
            Setting::Limit(limit) => ("limit", json!(limit)),
            Setting::Started { limit, paused } => {
                ("started", json!({"limit": limit, "paused": paused}))
            }
            Setting::Stopped => ("stopped", json!(true)),
            _ => ("unknown", Value::Null),
        };
        json!({
            "queue": order.queue,
            "node": order.node,
            "setting": setting,
            "value": value,
            "reason": order.reason,
            "by": order.by,
            "is_signal": order.is_signal,
            "at": order.at.to_string(),
            "until": order.until.map(|until| until.to_string()),
        })
    });
    json!({
        "producers": producers.collect::<Vec<_>>(),
        "orders": orders.collect::<Vec<_>>(),
    })
}

fn place(node: Option<&str>) -> String {
    node.map_or_else(|| "every node".to_owned(), quoted)
}

/// A name that others have chosen, without characters that would change the terminal.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.:@/".contains(c);
    if !name.is_empty() && name.chars().all(plain) { name.to_owned() } else { format!("{name:?}") }
}
