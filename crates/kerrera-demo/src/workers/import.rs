//! Imports a file that somebody uploaded.

use std::path::Path;

use anyhow::Context as _;
use kerrera::prelude::*;

use crate::app::App;
use crate::geocoder::GeocoderError;
use crate::pace::{self, shortened};
use crate::store::Airport;

/// How many rows are located and written together.
pub(crate) const BATCH: u32 = 50;

/// Imports some rows of a CSV file with airports; a service finds their geohashes.
#[derive(Serialize, Deserialize, Worker)]
#[worker(max_attempts = 5, timeout = "30s")]
#[worker(tags = ["kerrera-demo"], backoff = pace::backoff)]
pub(crate) struct DataImport {
    /// The name of an uploaded file.
    pub(crate) file: String,
    pub(crate) first_row: u32,
    pub(crate) rows: u32,
}

impl Perform<App> for DataImport {
    async fn perform(&self, cx: &Context<App>) -> JobResult {
        let app = cx.state();
        let mut airports = self.read(&app.folder).await?;
        for (nth, batch) in airports.chunks_mut(BATCH as usize).enumerate() {
            let row = self.first_row + nth as u32 * BATCH;
            let places: Vec<_> = batch.iter().map(|a| (a.latitude, a.longitude)).collect();
            let geohashes = match app.geocoder.locate(row, &places).await {
                Ok(geohashes) => geohashes,
                Err(error) => return after(error, cx.job()),
            };
            for (airport, geohash) in batch.iter_mut().zip(geohashes) {
                airport.geohash = geohash;
            }
            // Rows that an earlier attempt wrote are written over.
            app.store.save_airports(self.first_row, batch).await?;
        }
        done().value(airports.len())
    }
}

/// What follows when the geocoder fails.
fn after(error: GeocoderError, job: &Job) -> JobResult {
    match error {
        // A snooze costs no attempt, so they are counted too: nobody waits for ever.
        GeocoderError::Temporary if job.attempt + job.snoozed() < 3 => {
            snooze(shortened(300.seconds()))
        }
        GeocoderError::Permanent => cancel(error),
        GeocoderError::Temporary | GeocoderError::Other => Err(error.into()),
    }
}

/// How many airports a file has.
pub(crate) fn airports_in(csv: &[u8]) -> anyhow::Result<u32> {
    let rows = csv::Reader::from_reader(csv)
        .into_byte_records()
        .try_fold(0, |rows, record| record.map(|_| rows + 1))?;
    Ok(rows)
}

impl DataImport {
    /// The rows that this job is about.
    async fn read(&self, folder: &Path) -> anyhow::Result<Vec<Airport>> {
        let name = Path::new(&self.file);
        // Whoever can insert a job decides its args: they must not lead out of the folder.
        if name.file_name() != Some(name.as_os_str()) {
            anyhow::bail!("{:?} is not the name of an uploaded file", self.file);
        }
        let path = folder.join(name);
        let (first, rows) = (self.first_row as usize, self.rows as usize);
        let reading = tokio::task::spawn_blocking(move || {
            let mut file = csv::Reader::from_path(&path)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            let airports = file.deserialize().skip(first).take(rows);
            anyhow::Ok(airports.collect::<Result<Vec<Airport>, _>>()?)
        });
        reading.await?
    }
}

#[cfg(test)]
mod tests {
    use kerrera::Outcome;

    use super::*;

    fn import(file: &str, first_row: u32) -> DataImport {
        DataImport { file: file.to_owned(), first_row, rows: 2 }
    }

    #[tokio::test]
    async fn reads_its_own_rows() {
        let data = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data"));
        let airports = import("airports.csv", 301).read(data).await.unwrap();
        let names: Vec<_> = airports.iter().map(|airport| airport.name.as_str()).collect();
        assert_eq!(names, ["Union County, Troy Shelton", "Padgham"]);
        assert_eq!(import("airports.csv", 3375).read(data).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn reads_nothing_but_uploads() {
        let data = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data"));
        for file in ["../Cargo.toml", "/etc/passwd", "..", ""] {
            let error = import(file, 0).read(data).await.unwrap_err();
            assert!(error.to_string().contains("not the name"), "{error}");
        }
        let error = import("other.csv", 0).read(data).await.unwrap_err();
        assert!(error.to_string().contains("other.csv"), "{error}");
    }

    #[test]
    fn a_temporary_error_is_put_off_while_it_is_early_and_any_other_is_not() {
        let job = |attempt, snoozed| {
            let mut job = Job::blank(1);
            (job.attempt, job.meta) = (attempt, serde_json::json!({ "snoozed": snoozed }).into());
            job
        };
        let early = after(GeocoderError::Temporary, &job(1, 0));
        assert!(matches!(early, Ok(Outcome::Snooze(_))), "{early:?}");
        for late in [job(3, 0), job(1, 2), job(2, 1)] {
            assert!(after(GeocoderError::Temporary, &late).is_err());
        }
        assert!(after(GeocoderError::Other, &job(1, 0)).is_err());
        let refused = after(GeocoderError::Permanent, &job(1, 0));
        assert!(matches!(refused, Ok(Outcome::Cancel(_))), "{refused:?}");
    }
}
