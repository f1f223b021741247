//! `kerrera queues`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use kerrera::{Enrolled, Setting, Standing};
use kerrera_web::service::{Error, PauseEnd, Target};
use serde_json::{Value, json};

use crate::arguments::{QueueTarget, QueuesArguments, QueuesCommand};
use crate::database::Instance;

pub(crate) async fn run(arguments: QueuesArguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        QueuesCommand::List { database, json } => {
            let Instance { service, place } = Instance::of(&database, None).await?;
            let queues = service.queues().await?.into_iter();
            let producers: Vec<Enrolled> = queues.flat_map(|queue| queue.producers).collect();
            let mut orders = service.queue_orders().await?;
            orders.reverse();
            if json {
                writeln!(io::stdout(), "{:#}", listed(&producers, &orders))?;
            } else {
                list(&place, &producers, &orders)?;
            }
        }
        QueuesCommand::Pause { target, span, until } => {
            let end = match (span, until) {
                (Some(span), _) => PauseEnd::In(span),
                (None, Some(until)) => PauseEnd::At(until),
                (None, None) => PauseEnd::Never,
            };
            let order = Order::of(target).await?;
            order.instance.service.pause(order.target(), end, "").await?;
            order.tell("paused").await?;
        }
        QueuesCommand::Resume { target } => {
            let order = Order::of(target).await?;
            order.instance.service.resume(order.target()).await?;
            order.tell("resumed").await?;
        }
        QueuesCommand::Scale { target, limit } => {
            let order = Order::of(target).await?;
            order.instance.service.scale(order.target(), limit).await?;
            order.tell("scaled").await?;
        }
        QueuesCommand::Reset { target } => {
            let order = Order::of(target).await?;
            order.instance.service.forget_orders(order.target()).await?;
            order.tell("reset").await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Who orders something for which queue.
struct Order {
    instance: Instance,
    queue: Option<String>,
    node: Option<String>,
    json: bool,
}

impl Order {
    async fn of(target: QueueTarget) -> anyhow::Result<Order> {
        let QueueTarget { queue, all: _, node, reason, by, database, json } = target;
        let instance = Instance::of(&database, by).await?.because(reason.as_deref());
        Ok(Order { instance, queue, node, json })
    }

    fn target(&self) -> Target<'_> {
        Target { queue: self.queue.as_deref(), node: self.node.as_deref() }
    }

    async fn tell(self, did: &str) -> anyhow::Result<()> {
        let Order { instance, queue, node, json } = self;
        let is_known = match &queue {
            Some(queue) => match instance.service.queue(queue).await {
                Ok(queue) => !queue.producers.is_empty() || !queue.jobs.is_empty(),
                Err(error) => !matches!(error, Error::NotFound),
            },
            None => true,
        };
        if json {
            let told = json!({"did": did, "queue": queue, "node": node, "is_known": is_known});
            writeln!(io::stdout(), "{told}")?;
            return Ok(());
        }
        let queue = queue.map_or_else(|| "all queues".to_owned(), |queue| quoted(&queue));
        writeln!(io::stdout(), "{did} {queue} on {}", place(node.as_deref()))?;
        if !is_known {
            writeln!(
                io::stderr(),
                "no node works {queue} and no job is in it: the order holds when it comes to be"
            )?;
        }
        Ok(())
    }
}

fn list(place: &str, producers: &[Enrolled], orders: &[Standing]) -> io::Result<()> {
    let mut output = io::stdout();
    writeln!(output, "{place}")?;
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
