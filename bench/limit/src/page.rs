//! Tables and plots for the documentation, from what the others printed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use charts_rs::{LineChart, Series};
use clap::Args;
use kerrera_bench::median;
use serde_json::Value;

use crate::growth::CURVES;

#[derive(Args)]
pub(crate) struct PageArguments {
    /// The folder with the JSON lines, all files *.jsonl; the plots go there too
    #[arg(long, value_name = "FOLDER", default_value = "docs/performance")]
    folder: PathBuf,
    /// The page, of which what stands between the two marks is replaced
    #[arg(long, value_name = "FILE", default_value = "docs/performance.md")]
    page: PathBuf,
}

const BEGIN: &str = "<!-- figures: begin -->";
const END: &str = "<!-- figures: end -->";

pub(crate) fn run(arguments: &PageArguments) -> anyhow::Result<()> {
    let PageArguments { folder, page } = arguments;
    let runs = read(folder)?;
    let mut text = String::new();
    write_limits(&mut text, &runs)?;
    for curve in CURVES {
        let points = points(&runs, curve);
        if points.is_empty() {
            continue;
        }
        let file = format!("{curve}.svg");
        fs::write(folder.join(&file), plot(curve, &points)?)?;
        write_curve(&mut text, curve, &points, folder, &file)?;
    }
    for run in runs.iter().filter(|run| run["bench"] == "soak") {
        let file = format!("soak-{}.svg", run["database"].as_str().unwrap_or_default());
        fs::write(folder.join(&file), plot_soak(run)?)?;
        write_soak(&mut text, run, folder, &file)?;
    }
    if text.is_empty() {
        bail!("no file *.jsonl in {} holds a run", folder.display());
    }
    let before = fs::read_to_string(page).with_context(|| page.display().to_string())?;
    fs::write(page, replaced(&before, &text)?)?;
    println!("{} has the figures of {} runs", page.display(), runs.len());
    Ok(())
}

fn read(folder: &Path) -> anyhow::Result<Vec<Value>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(|| folder.display().to_string())?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let mut runs = Vec::new();
    for file in files {
        for line in fs::read_to_string(&file)?.lines().filter(|line| !line.trim().is_empty()) {
            let run = serde_json::from_str(line);
            runs.push(run.with_context(|| format!("a line of {}", file.display()))?);
        }
    }
    Ok(runs)
}

/// The medians of a curve by database, and of each point of it.
type Points = BTreeMap<String, BTreeMap<u64, f64>>;

fn points(runs: &[Value], curve: &str) -> Points {
    let mut rates: BTreeMap<String, BTreeMap<u64, Vec<f64>>> = BTreeMap::new();
    for run in runs.iter().filter(|run| run["curve"] == curve) {
        if let (Some(at), Some(rate)) = (run["at"].as_u64(), run["jobs_per_second"].as_f64()) {
            let database = run["database"].as_str().unwrap_or_default().to_owned();
            rates.entry(database).or_default().entry(at).or_default().push(rate);
        }
    }
    let middle = |rates: BTreeMap<u64, Vec<f64>>| {
        rates.into_iter().filter_map(|(at, rates)| Some((at, median(rates)?))).collect()
    };
    rates.into_iter().map(|(database, rates)| (database, middle(rates))).collect()
}

fn write_limits(text: &mut String, runs: &[Value]) -> anyhow::Result<()> {
    let rates: Vec<&Value> =
        runs.iter().filter(|run| run["percent_of_limit"].is_number()).collect();
    if !rates.is_empty() {
        writeln!(
            text,
            "| work | database | finished rows | bare | kerrera | of the limit | worker's µs | server's µs |"
        )?;
        writeln!(text, "|---|---|--:|--:|--:|--:|--:|--:|")?;
    }
    for run in rates {
        writeln!(
            text,
            "| {} | {} {} | {} | {}/s | {}/s | {:.0} % | {} | {} |",
            run["work"].as_str().unwrap_or_default().replace('_', " "),
            run["database"].as_str().unwrap_or_default(),
            run["server_version"]
                .as_str()
                .unwrap_or_default()
                .split(' ')
                .next()
                .unwrap_or_default(),
            grouped(run["retained"].as_f64()),
            grouped(run["bare_jobs_per_second"].as_f64()),
            grouped(run["kerrera_jobs_per_second"].as_f64()),
            run["percent_of_limit"].as_f64().unwrap_or_default(),
            tenth(&run["kerrera_client_cpu_us_per_job"]),
            tenth(&run["kerrera_server_cpu_us_per_job"]),
        )?;
    }
    let latencies: Vec<&Value> =
        runs.iter().filter(|run| run["times_the_limit"].is_number()).collect();
    if !latencies.is_empty() {
        writeln!(text, "\n| insert to start | p50 | p95 | p99 |\n|---|--:|--:|--:|")?;
    }
    for run in latencies {
        for (who, name) in [
            ("bare", "bare: notification and claim"),
            ("bare_with_insert", "bare: insertion, notification and claim"),
            ("kerrera", "kerrera"),
        ] {
            let at = |share: &str| run[format!("{who}_{share}_ms")].as_f64().unwrap_or_default();
            let (p50, p95, p99) = (at("p50"), at("p95"), at("p99"));
            writeln!(text, "| {name} | {p50:.2} ms | {p95:.2} ms | {p99:.2} ms |")?;
        }
    }
    Ok(())
}

fn write_curve(
    text: &mut String,
    curve: &str,
    points: &Points,
    folder: &Path,
    file: &str,
) -> anyhow::Result<()> {
    let folder = folder.file_name().unwrap_or_default().to_string_lossy();
    writeln!(text, "\n![Jobs a second by {}]({folder}/{file})\n", title(curve))?;
    for (database, points) in points {
        let sizes: Vec<String> = points.keys().map(|at| grouped(Some(*at as f64))).collect();
        writeln!(text, "| {}, {database} | {} |", title(curve), sizes.join(" | "))?;
        writeln!(text, "|---|{}", "--:|".repeat(points.len()))?;
        let rates: Vec<String> = points.values().map(|rate| grouped(Some(*rate))).collect();
        writeln!(text, "| jobs a second | {} |\n", rates.join(" | "))?;
    }
    Ok(())
}

fn plot(curve: &str, points: &Points) -> anyhow::Result<String> {
    let mut sizes: Vec<u64> = points.values().flat_map(|points| points.keys().copied()).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let series = points.iter().map(|(database, points)| {
        // Where one database has no point, it has no line.
        let rates: Vec<f32> = sizes.iter().map_while(|at| Some(*points.get(at)? as f32)).collect();
        (database.as_str(), rates).into()
    });
    let labels = sizes.iter().map(|at| grouped(Some(*at as f64))).collect();
    draw(&format!("jobs a second, by {}", title(curve)), series.collect(), labels)
}

fn draw(title: &str, lines: Vec<Series>, labels: Vec<String>) -> anyhow::Result<String> {
    let mut chart = LineChart::new(lines, labels);
    chart.base.title.text = title.to_owned();
    // A line that does not begin at nothing looks steeper than it is.
    if let Some(axis) = chart.y_axis_configs.first_mut() {
        axis.min = Some(0.0);
    }
    chart.svg().map_err(|error| anyhow::anyhow!("drawing {title}: {error}"))
}

fn write_soak(text: &mut String, run: &Value, folder: &Path, file: &str) -> anyhow::Result<()> {
    let folder = folder.file_name().unwrap_or_default().to_string_lossy();
    let number = |name: &str| grouped(run[name].as_f64());
    writeln!(text, "\n![Sizes over time]({folder}/{file})\n")?;
    writeln!(
        text,
        "{} jobs a second for {} s on {}: backlog at the end {}; in the second half the table grew by \
         {} %, its indexes by {} %, a node's memory by {} %; start p50 {} ms, p99 {} ms.",
        number("rate"),
        number("seconds"),
        run["database"].as_str().unwrap_or_default(),
        number("backlog_at_end"),
        tenth(&run["table_bytes_grew_percent"]),
        tenth(&run["index_bytes_grew_percent"]),
        tenth(&run["rss_kib_grew_percent"]),
        tenth(&run["start"]["p50_ms"]),
        tenth(&run["start"]["p99_ms"]),
    )?;
    Ok(())
}

fn plot_soak(run: &Value) -> anyhow::Result<String> {
    let samples = run["samples"].as_array().context("a soak without samples")?;
    let line = |name: &str, what: &str, unit: f64| {
        let sizes =
            samples.iter().map(|sample| (sample[what].as_f64().unwrap_or_default() / unit) as f32);
        (name, sizes.collect::<Vec<f32>>()).into()
    };
    let mebibyte = 1024.0 * 1024.0;
    let lines = vec![
        line("table, MiB", "table_bytes", mebibyte),
        line("indexes, MiB", "index_bytes", mebibyte),
        line("a node's memory, MiB", "rss_kib", 1024.0),
    ];
    let times = samples.iter().map(|sample| format!("{} s", sample["at_seconds"])).collect();
    draw("sizes over time", lines, times)
}

fn title(curve: &str) -> &str {
    match curve {
        "waiting" => "waiting rows",
        "retained" => "finished rows",
        other => other,
    }
}

fn replaced(page: &str, figures: &str) -> anyhow::Result<String> {
    let marks = page.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let Some((before, after)) = marks else {
        bail!("the page has no place for figures: {BEGIN} and, below it, {END}");
    };
    Ok(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", figures.trim()))
}

/// 1234567 as 1,234,567.
fn grouped(number: Option<f64>) -> String {
    let Some(number) = number else { return "–".to_owned() };
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn tenth(number: &Value) -> String {
    number.as_f64().map_or_else(|| "–".to_owned(), |number| format!("{number:.1}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_replace_those_that_were_there() {
        let page = format!("# Title\n{BEGIN}\nold\n{END}\nrest\n");
        let once = replaced(&page, "new").unwrap();
        assert_eq!(once, format!("# Title\n{BEGIN}\n\nnew\n\n{END}\nrest\n"));
        assert_eq!(replaced(&once, "new").unwrap(), once);
        assert!(replaced("no marks", "new").is_err());
    }

    #[test]
    fn a_curve_is_made_of_medians_and_drawn() {
        let run = |at: u64, rate: f64| json!({"curve": "nodes", "at": at, "jobs_per_second": rate, "database": "postgres"});
        let runs = [run(1, 10.0), run(1, 30.0), run(1, 20.0), run(2, 40.0)];
        let points = points(&runs, "nodes");
        assert_eq!(points["postgres"], BTreeMap::from([(1, 20.0), (2, 40.0)]));
        assert!(plot("nodes", &points).unwrap().contains("<svg"));
    }

    #[test]
    fn numbers_are_read_in_groups() {
        assert_eq!(grouped(Some(1_234_567.0)), "1,234,567");
        assert_eq!(grouped(Some(999.0)), "999");
        assert_eq!(grouped(None), "–");
    }
}
