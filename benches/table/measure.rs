//! How two things are measured against each other: in turn, A B A B, so that what disturbs the machine disturbs both.

use std::time::{Duration, Instant};

/// How long and how often.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Pairs of samples.
    pub samples: usize,
    /// Time that a sample of a short piece of work goes on; a quarter of it comes before as warm-up.
    pub time: Duration,
}

impl Effort {
    /// Enough for a figure.
    pub const FULL: Self = Self { samples: 9, time: Duration::from_millis(120) };
    /// Everything once, for a test that it runs.
    pub const SMOKE: Self = Self { samples: 1, time: Duration::ZERO };

    /// Of what takes seconds itself, fewer.
    pub fn seldom(self) -> Self {
        Self { samples: self.samples.min(3), ..self }
    }
}

/// What two things cost, the median of all samples, and how many times as much the peer costs: the median of the ratios of
/// neighbouring samples, and the least and greatest of them.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    /// Nanoseconds for one item.
    pub ours: f64,
    /// Nanoseconds for one item.
    pub peer: f64,
    /// Peer to ours.
    pub ratio: f64,
    /// Least and greatest ratio.
    pub range: (f64, f64),
}

/// Measures both in turn; each gives the nanoseconds of one item.
pub fn compared(
    effort: Effort,
    mut ours: impl FnMut() -> Result<f64, String>,
    mut peer: impl FnMut() -> Result<f64, String>,
) -> Result<Compared, String> {
    let mut pairs = Vec::new();
    for _ in 0..effort.samples {
        pairs.push((ours()?, peer()?));
    }
    let sorted = |of: fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = pairs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let median = |values: &[f64]| values[values.len() / 2];
    let ratios = sorted(|(ours, peer)| peer / ours);
    Ok(Compared {
        ours: median(&sorted(|pair| pair.0)),
        peer: median(&sorted(|pair| pair.1)),
        ratio: median(&ratios),
        range: (ratios[0], ratios[ratios.len() - 1]),
    })
}

/// Nanoseconds for one item of `work`, which does `items` of them each time.
pub fn timed(effort: Effort, items: usize, mut work: impl FnMut()) -> f64 {
    let warm = Instant::now();
    while warm.elapsed() < effort.time / 4 {
        work();
    }
    let (begin, mut done) = (Instant::now(), 0);
    loop {
        work();
        done += items;
        let elapsed = begin.elapsed();
        if elapsed >= effort.time {
            return elapsed.as_nanos() as f64 / done as f64;
        }
    }
}

/// Seconds that `work` takes once.
pub fn once<R>(work: impl FnOnce() -> R) -> (f64, R) {
    let begin = Instant::now();
    let result = work();
    (begin.elapsed().as_secs_f64(), result)
}
