//! Writes the seed corpora of the parsers' fuzz targets anew: `cargo run --example seed_corpus`, from the root of the
//! repository.
//!
//! Seeds are the worked frames; of each kind of frame, message, packet and line in the golden captures and key logs the
//! shortest and the longest; small files of the forms that keyhop reads and does not write; and values of the generators.

mod corpus;
mod eps_frames;
mod files;
mod frames;
mod generated;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use corpus::Corpora;

/// The files of the captures folder with this extension, in order.
fn goldens(root: &Path, extension: &str) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut paths = fs::read_dir(root.join("captures"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<PathBuf>, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    Ok(paths)
}

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut corpora = Corpora::default();
    frames::offer_worked(&mut corpora, root)?;
    for path in goldens(root, "pcapng")? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if ["eps-", "transfer-"].iter().any(|system| name.starts_with(system)) {
            eps_frames::offer_golden(&mut corpora, &path)?;
        } else {
            frames::offer_golden(&mut corpora, &path)?;
        }
    }
    for path in goldens(root, "keys")? {
        files::offer_key_log(&mut corpora, &fs::read_to_string(path)?);
    }
    eps_frames::offer_samples(&mut corpora)?;
    files::offer_captures(&mut corpora, root)?;
    files::offer_certificate(&mut corpora)?;
    files::offer_foreign(&mut corpora);
    generated::offer_values(&mut corpora)?;
    generated::offer_inputs(&mut corpora);
    corpora.write(&root.join("fuzz/corpus"))
}
