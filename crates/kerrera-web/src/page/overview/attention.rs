//! What is wrong, in words: what it is, where, and what one can do.

use maud::{Markup, html};

use crate::service::{Concern, Severity, Trouble};
use crate::text::texts;
use crate::view::empty::notice;
use crate::view::icon::icon;
use crate::view::number::span;
use crate::visit::Visit;

texts! {
    attention: "Needs attention" | "확인 필요";
    all_well: "Nothing needs attention." | "확인할 사항이 없습니다.";

    no_node_works: "No node is working. Jobs wait until one starts."
        | "동작 중인 노드가 없습니다. 노드가 시작될 때까지 작업이 대기합니다.";
    no_node_works_do: "Start the application, or look in its log why it stopped."
        | "애플리케이션을 시작하거나, 멈춘 이유를 로그에서 확인하세요.";
    unworked(n: u64): one "1 job waits, and no node works this queue."
        other "{n} jobs wait, and no node works this queue."
        | "작업 {n}개가 대기 중이지만 이 큐를 처리하는 노드가 없습니다.";
    unworked_do: "Configure the queue on a node, or start it from its page."
        | "노드에 큐를 설정하거나 큐 페이지에서 시작하세요.";
    paused_with_backlog(n: u64): one "Paused, and 1 job waits." other "Paused, and {n} jobs wait."
        | "일시 정지 상태이며 작업 {n}개가 대기 중입니다.";
    paused_by(by: &str): "By {by}." | "실행한 사람: {by}.";
    paused_because(reason: &str): "Reason: {reason}" | "사유: {reason}";
    paused_do: "Resume it when the reason is gone." | "사유가 해소되면 재개하세요.";
    slow(n: u64, waited: &str): one "The oldest of 1 waiting job has waited for {waited}."
        other "The oldest of {n} waiting jobs has waited for {waited}."
        | "대기 작업 {n}개 중 가장 오래된 작업이 {waited} 동안 대기했습니다.";
    slow_full: "Every slot is taken: raise its limit, add a node, or see what runs for so long."
        | "모든 실행 슬롯이 사용 중입니다. 한도를 올리거나 노드를 추가하거나 오래 실행되는 작업을 확인하세요.";
    slow_free: "There are free slots: see whether its jobs are of workers that a node knows."
        | "비어 있는 슬롯이 있습니다. 노드가 아는 워커의 작업인지 확인하세요.";
    failing(failed: u64, of: &str): one "1 of {of} runs of the last hour failed."
        other "{failed} of {of} runs of the last hour failed."
        | "지난 1시간 동안 실행 {of}회 중 {failed}회 실패했습니다.";
    failing_do: "Look at its errors." | "오류를 확인하세요.";
    silent_node(running: u64, silent: &str): one "Not heard of for {silent}, with 1 job running."
        other "Not heard of for {silent}, with {running} jobs running."
        | "{silent} 동안 응답이 없습니다. 실행 중이던 작업: {running}개.";
    silent_do: "Its jobs are freed as soon as it is known to be dead."
        | "종료가 확인되면 실행 중이던 작업은 자동으로 회수됩니다.";
    missed_cron(late: &str): "Should have run {late} ago." | "{late} 전에 실행되었어야 합니다.";
    missed_do: "See whether a node with a crontab is alive." | "크론을 실행하는 노드가 살아 있는지 확인하세요.";
    cron_into_paused(queue: &str): "Its jobs go to the queue {queue}, which is paused."
        | "작업이 일시 정지된 큐로 들어갑니다. 큐: {queue}.";
    unknown_worker(n: u64): one "1 job waits that no node can run."
        other "{n} jobs wait that no node can run." | "실행할 수 있는 노드가 없는 작업 {n}개가 대기 중입니다.";
    unknown_do: "Deploy a node that registers this worker, or cancel its jobs."
        | "이 워커를 등록한 노드를 배포하거나 작업을 취소하세요.";
    no_leader: "There is no leader, so nothing is pruned." | "리더가 없어 정리가 수행되지 않습니다.";
    no_leader_do: "One is chosen within seconds; if not, see the nodes' health."
        | "몇 초 안에 선출됩니다. 계속되면 노드 상태를 확인하세요.";
    operation_waits: "It waits for a node to carry it out." | "수행할 노드를 기다리고 있습니다.";
}

/// The list, or that there is nothing in it.
pub(crate) fn attention(concerns: &[Concern], visit: &Visit) -> Markup {
    let text = visit.text();
    if concerns.is_empty() {
        return notice("good", "tick", visit, &html! { (text.all_well()) });
    }
    html! {
        section.card.card-flush aria-labelledby="attention" {
            h2 #attention { (text.attention()) }
            ul.concerns {
                @for concern in concerns { (line(concern, visit)) }
            }
        }
    }
}

fn line(concern: &Concern, visit: &Visit) -> Markup {
    let text = visit.text();
    let links = visit.links();
    let spoken = visit.language();
    let lasting = |time: std::time::Duration| {
        span(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), spoken)
    };
    let (link, name, what, advice) = match &concern.what {
        Trouble::NoNodes => {
            (links.to(["nodes"]), text.nodes(), text.no_node_works(), text.no_node_works_do())
        }
        Trouble::Unworked { queue, waiting } => {
            (links.queue(queue), queue.clone().into(), text.unworked(*waiting), text.unworked_do())
        }
        Trouble::Paused { queue, waiting, by, reason } => {
            let mut what = text.paused_with_backlog(*waiting).into_owned();
            for more in [
                by.as_deref().map(|by| text.paused_by(by)),
                reason.as_deref().map(|reason| text.paused_because(reason)),
            ] {
                what.extend(more.iter().flat_map(|more| [" ", more]));
            }
            (links.queue(queue), queue.clone().into(), what.into(), text.paused_do())
        }
        Trouble::Slow { queue, waited, waiting, is_full } => (
            links.queue(queue),
            queue.clone().into(),
            text.slow(*waiting, &lasting(*waited)),
            if *is_full { text.slow_full() } else { text.slow_free() },
        ),
        Trouble::Failing { worker, failed, of } => (
            links.worker(worker),
            worker.clone().into(),
            text.failing(*failed, &crate::view::number::grouped(*of)),
            text.failing_do(),
        ),
        Trouble::SilentNode { node, silent, running } => (
            links.node(node),
            node.clone().into(),
            text.silent_node(*running, &lasting(*silent)),
            text.silent_do(),
        ),
        Trouble::MissedCron { cron, late } => (
            links.cron(cron),
            cron.clone().into(),
            text.missed_cron(&lasting(*late)),
            text.missed_do(),
        ),
        Trouble::CronIntoPaused { cron, queue } => {
            (links.cron(cron), cron.clone().into(), text.cron_into_paused(queue), text.paused_do())
        }
        Trouble::UnknownWorker { worker, waiting } => (
            links.worker(worker),
            worker.clone().into(),
            text.unknown_worker(*waiting),
            text.unknown_do(),
        ),
        Trouble::NoLeader => {
            (links.to(["nodes"]), text.nodes(), text.no_leader(), text.no_leader_do())
        }
        Trouble::OperationWaits { operation } => {
            let number = operation.to_string();
            let link = links.to(["operations", &number]);
            (
                link,
                format!("{} {number}", text.operations()).into(),
                text.operation_waits(),
                text.no_node_works_do(),
            )
        }
    };
    let (class, picture) = match concern.severity {
        Severity::Bad => ("concern notice-danger", "errors"),
        Severity::Worth => ("concern notice-warning", "info"),
    };
    html! {
        li class=(class) {
            (icon(picture, links.base()))
            div {
                p { a.strong href=(link) { (name) } " " (what) }
                p.hint { (advice) }
            }
        }
    }
}
