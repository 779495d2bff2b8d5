//! Time and memory by the number of mobiles: measured into a CSV file, and drawn from it.
//!
//! The file begins with a line `# date. machine.` and a head; a row has mobiles, handovers, seconds and octets.

use std::fs;
use std::path::Path;

use plotters::coord::combinators::IntoLogRange;
use plotters::prelude::*;

use crate::Setting;
use crate::scale::{self, Run};

/// How many mobiles, and for how long: some thousand handovers each.
const SIZES: [(u32, &str); 4] = [(1, "2000s"), (1_000, "20s"), (10_000, "10s"), (100_000, "10s")];
const HEAD: &str = "mobiles,handovers,seconds,octets";
const SIZE: (u32, u32) = (980, 420);
const INK: RGBColor = RGBColor(0x1f, 0x23, 0x28);
const GRID: RGBColor = RGBColor(0xd8, 0xde, 0xe4);
/// Colours that people who tell few of them apart see as different (Okabe and Ito).
const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xb2);
const ORANGE: RGBColor = RGBColor(0xd5, 0x5e, 0x00);

/// Runs every size three times and writes the one in the middle.
pub fn measure(setting: &Setting, headline: &str, file: &Path) -> Result<(), String> {
    let mut text = format!("# {headline}\n{HEAD}\n");
    for (mobiles, duration) in SIZES {
        let runs: Result<Vec<Run>, String> = (0..3).map(|_| scale::run(setting, mobiles, duration, &[])).collect();
        let mut runs = runs?;
        runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        let run = runs.get(1).ok_or("no run")?;
        eprintln!("{mobiles} mobiles: {} handovers in {:.2} s, {} octets", run.handovers, run.seconds, run.memory);
        text.push_str(&format!("{mobiles},{},{:.3},{}\n", run.handovers, run.seconds, run.memory));
    }
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}

/// A row: mobiles, microseconds for each handover, kilobytes for each handover and for each mobile.
type Point = [f64; 4];

fn points(text: &str) -> Result<Vec<Point>, String> {
    let rows = text.lines().filter(|line| !line.starts_with('#') && *line != HEAD);
    rows.map(|row| {
        let fields: Result<Vec<f64>, _> = row.split(',').map(str::parse).collect();
        match fields.as_deref() {
            Ok([mobiles, handovers, seconds, octets]) => {
                Ok([*mobiles, seconds * 1e6 / handovers, octets / 1e3 / handovers, octets / 1e3 / mobiles])
            }
            _ => Err(format!("expected a row of {HEAD}, found {row:?}")),
        }
    })
    .collect()
}

/// Draws the plot of such a file.
pub fn draw(data: &Path, plot: &Path) -> Result<(), String> {
    let text = fs::read_to_string(data).map_err(|error| format!("{}: {error}", data.display()))?;
    let points = points(&text)?;
    let headline = text.lines().next().and_then(|line| line.strip_prefix("# ")).unwrap_or_default();
    let svg = svg(&points, headline).map_err(|error| format!("the plot could not be drawn: {error}"))?;
    fs::write(plot, svg).map_err(|error| format!("{}: {error}", plot.display()))
}

fn svg(points: &[Point], headline: &str) -> Result<String, Box<dyn std::error::Error>> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let (head, panels) = root.split_vertically(58);
        head.draw(&Text::new(
            "Time and memory by the number of mobiles",
            (24, 10),
            ("sans-serif", 20).into_font().color(&INK),
        ))?;
        head.draw(&Text::new(headline.to_owned(), (24, 38), ("sans-serif", 12).into_font().color(&INK)))?;
        let areas = panels.split_evenly((1, 2));
        panel(&areas[0], points, "µs", &[(1, BLUE, "time for a handover")])?;
        panel(&areas[1], points, "kB", &[(2, BLUE, "memory for a handover"), (3, ORANGE, "memory for a mobile")])?;
        root.present()?;
    }
    Ok(svg)
}

fn panel(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    points: &[Point],
    unit: &str,
    lines: &[(usize, RGBColor, &str)],
) -> Result<(), Box<dyn std::error::Error>> {
    let values = || points.iter().flat_map(|point| lines.iter().map(|(column, ..)| point[*column]));
    let (least, most) = (values().fold(f64::MAX, f64::min), values().fold(f64::MIN_POSITIVE, f64::max));
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d((0.7f64..150_000.0).log_scale(), (least / 2.0..most * 2.0).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .x_desc("mobiles")
        .y_desc(unit)
        .x_label_formatter(&|value| format!("{value:.0}"))
        .y_label_formatter(&|value| if *value < 1.0 { format!("{value:.2}") } else { format!("{value:.0}") })
        .draw()?;
    for (column, colour, name) in lines {
        let line: Vec<(f64, f64)> = points.iter().map(|point| (point[0], point[*column])).collect();
        let style = colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(line.clone(), style))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        chart.draw_series(line.iter().map(|place| Circle::new(*place, 4, colour.filled())))?;
        for place in &line {
            let text = if place.1 < 10.0 { format!("{:.1}", place.1) } else { format!("{:.0}", place.1) };
            let style = ("sans-serif", 12).into_font().color(colour);
            chart.draw_series([EmptyElement::at(*place) + Text::new(text, (6, -16), style)])?;
        }
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(GRID).draw()?;
    Ok(())
}
