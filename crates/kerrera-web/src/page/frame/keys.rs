//! What can be done with single keys, as it is told to people, and what scripts say.

use maud::{Markup, html};

use super::Section;
use crate::text::{Said, Text, texts};
use crate::view::icon::icon;
use crate::visit::Visit;

texts! {
    keys_title: "Keyboard" | "키보드";
    keys_off: "Single keys are off; the settings turn them on." | "단일 키가 꺼져 있습니다. 설정에서 켤 수 있습니다.";
    keys_go: "Go to" | "이동";
    keys_list: "In lists" | "목록에서";
    keys_everywhere: "Everywhere" | "어디서나";
    key_then(first: &str, second: &str): "{first} then {second}" | "{first} 다음 {second}";
    key_move: "Next and previous row" | "다음 행, 이전 행";
    key_open: "Open the row" | "행 열기";
    key_select: "Select the row" | "행 선택";
    key_range: "Select all rows since the last" | "마지막 선택부터 모두 선택";
    key_select_page: "Select the whole page" | "페이지 전체 선택";
    key_select_all: "Select all that the filter has" | "필터에 맞는 작업 모두 선택";
    key_window: "Look back longer, and less long" | "더 긴 기간, 더 짧은 기간";
    key_pages: "Next and previous page, or job of the list" | "다음·이전 페이지, 또는 목록의 작업";
    key_filter: "Filter" | "필터";
    key_actions: "To the first action" | "첫 번째 동작으로";
    key_fresh: "Show what has changed" | "변경 사항 보기";
    key_live: "Stop and start updates" | "새로 고침 멈춤, 시작";
    key_theme: "Next theme" | "다음 테마";
    key_palette: "Go to a page or a job" | "페이지 또는 작업으로 이동";
    key_escape: "Clear the selection; close" | "선택 해제, 닫기";
    key_help: "This help" | "이 도움말";

    palette_find: "A page, or the number of a job" | "페이지 이름 또는 작업 번호";
    palette_job: "Job" | "작업";

    updates_pause: "Stop updates" | "새로 고침 멈춤";
    updates_resume: "Start updates" | "새로 고침 시작";
    up_to_date: "Up to date" | "최신 상태입니다";
    selected_many: "{n} jobs selected" | "작업 {n}개 선택됨";
}

impl Section {
    /// Which key leads there, after `g`: by its place on the keyboard, whatever it types.
    pub(super) fn key(self) -> Option<char> {
        match self {
            Section::Overview => Some('o'),
            Section::Jobs => Some('j'),
            Section::Errors => Some('e'),
            Section::Queues => Some('q'),
            Section::Workers => Some('w'),
            Section::Nodes => Some('n'),
            Section::Crons => Some('c'),
            Section::Operations => Some('b'),
            Section::Audit => Some('a'),
            Section::Settings => Some('s'),
            Section::None => None,
        }
    }

    /// The same, as browsers call it.
    pub(super) fn key_code(self) -> Option<String> {
        self.key().map(|key| format!("Key{}", key.to_ascii_uppercase()))
    }
}

/// What scripts say, in the language of the page.
pub(super) fn words(visit: &Visit) -> Markup {
    let text = visit.text();
    let every = match visit.preferences().refresh {
        Some(seconds @ 1..) => text.refresh_every(seconds),
        _ => text.live(),
    };
    html! {
        div #words hidden data-live=(text.live()) data-every=(every) data-paused=(text.updates_paused())
            data-reconnecting=(text.reconnecting()) data-off=(text.refresh_off())
            data-changes=(text.changes_waiting()) data-pause-updates=(text.updates_pause())
            data-resume-updates=(text.updates_resume()) data-up-to-date=(text.up_to_date())
            data-close=(text.close()) data-yes=(text.yes()) data-copied=(text.copied())
            data-select-page=(text.key_select_page()) data-selected-one=(text.selected(1)) data-selected=(text.selected_many()) {}
    }
}

/// What opens the two dialogs below; scripts show it.
pub(super) fn openers(visit: &Visit) -> Markup {
    let (text, base) = (visit.text(), visit.links().base());
    html! {
        button.tool type="button" data-show="palette" hidden title=(text.key_palette())
            aria-label=(text.key_palette()) { (icon("search", base)) }
        button.tool.tool-keys type="button" data-show="help" hidden title=(text.keys_title())
            aria-label=(text.keys_title()) { (icon("keyboard", base)) }
    }
}

/// The help and the palette, as dialogs show them.
pub(super) fn templates(visit: &Visit) -> Markup {
    html! {
        template #help { (help(visit)) }
        template #palette { (palette(visit)) }
    }
}

fn help(visit: &Visit) -> Markup {
    let text = visit.text();
    let go = Section::seen_by(visit).filter_map(|section| {
        let key = section.key()?.to_string();
        Some((html! { kbd { "g" } " " kbd { (key) } }, section.name(text)))
    });
    let both = |first: &str, second: &str| html! { kbd { (first) } " " kbd { (second) } };
    let shift = |key: &str| html! { kbd { "Shift" } "+" kbd { (key) } };
    let one = |key: &str| html! { kbd { (key) } };
    let list = vec![
        (both("j", "k"), text.key_move()),
        (one("o"), text.key_open()),
        (one("x"), text.key_select()),
        (shift("x"), text.key_range()),
        (one("a"), text.key_select_page()),
        (shift("a"), text.key_select_all()),
        (both("n", "p"), text.key_pages()),
        (one("/"), text.key_filter()),
        (one("."), text.key_actions()),
    ];
    let everywhere = vec![
        (
            html! { kbd { "Ctrl" } "+" kbd { "K" } " / " kbd { "⌘" } "+" kbd { "K" } },
            text.key_palette(),
        ),
        (both("[", "]"), text.key_window()),
        (one("r"), text.key_fresh()),
        (shift("r"), text.key_live()),
        (one("t"), text.key_theme()),
        (one("Esc"), text.key_escape()),
        (one("?"), text.key_help()),
    ];
    html! {
        section.question {
            div.row.row-between {
                h1 #dialog-title { (text.keys_title()) }
                button.button type="button" data-dismiss { (text.close()) }
            }
            @if !visit.preferences().shortcuts {
                p.hint { a href=(visit.links().to(["settings"])) { (text.keys_off()) } }
            }
            div.keys {
                (table(&text.keys_list(), list))
                (table(&text.keys_everywhere(), everywhere))
                (table(&text.keys_go(), go.collect()))
            }
        }
    }
}

fn table(title: &str, keys: Vec<(Markup, Said)>) -> Markup {
    html! {
        div {
            h2 { (title) }
            dl.keys-of { @for (key, said) in keys { dt { (key) } dd { (said) } } }
        }
    }
}

fn palette(visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        section.palette {
            h1.visually-hidden #dialog-title { (text.key_palette()) }
            input type="search" data-palette autocomplete="off" spellcheck="false"
                aria-label=(text.palette_find()) placeholder=(text.palette_find());
            nav aria-label=(text.key_palette()) { ul {
                li { a hidden href="#" data-palette-job=(visit.links().to(["jobs"])) {
                    (icon("jobs", visit.links().base())) (text.palette_job()) " " span {}
                } }
                @for section in Section::seen_by(visit) {
                    li { a href=(section.link(visit)) {
                        (icon(section.path(), visit.links().base())) (section.name(text))
                    } }
                }
            } }
        }
    }
}

impl Text {
    /// What a key is called that comes after another.
    pub(super) fn shortcut(self, section: Section) -> Option<Said> {
        section.key().map(|key| self.key_then("g", &key.to_string()))
    }
}
