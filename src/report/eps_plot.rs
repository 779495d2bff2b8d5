//! The plot of `keyhop compare --system eps --plot`: how far keys reach over the hop at which they were taken, and the interruption of
//! the downlink over the delay of X2 and S1, as SVG.

use plotters::prelude::*;

use super::plot::{Area, GRID, INK, Look, Pixel, PlotError, failed, text};
use crate::scenario::eps::compare::{DelayCurve, EpsComparison};
use crate::scenario::script::eps::handover::SCHEMES;

/// Size in pixels.
const SIZE: (u32, u32) = (1_080, 500);
/// Height of title and legend.
const HEAD: u32 = 84;

/// A line: its number among the schemes, its points.
pub(super) type Line = (usize, Vec<(f64, f64)>);

/// The plot of a comparison; `caption` says of which network.
///
/// # Errors
/// What the drawing library refuses; it has no reason to.
pub fn eps_plot(comparison: &EpsComparison, delays: &[DelayCurve], caption: &str) -> Result<String, PlotError> {
    let number = |mode: &str| SCHEMES.iter().position(|(name, _)| *name == mode).unwrap_or(0);
    let reach: Vec<Line> = comparison
        .rows
        .iter()
        .map(|row| {
            let point =
                |read: &crate::scenario::eps::compare::HopSpread| Some((read.hop as f64, read.cells.median? as f64));
            (number(row.mode), row.cells_read.iter().filter_map(point).collect())
        })
        .collect();
    let interruption: Vec<Line> = delays
        .iter()
        .map(|curve| {
            let point = |(delay, micros): &(u64, u64)| (*delay as f64, *micros as f64 / 1_000.0);
            (number(curve.mode), curve.points.iter().map(point).collect())
        })
        .collect();
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        let (head, panels) = root.split_vertically(HEAD);
        head.draw(&Text::new("Handover keys of EPS", (24, 14), text(21))).map_err(failed)?;
        head.draw(&Text::new(caption.to_owned(), (250, 18), text(14))).map_err(failed)?;
        for (number, (name, _)) in SCHEMES.iter().enumerate() {
            let x = 30 + 205 * number as i32;
            Look::nth(number).draw(&head, &[(x, 60), (x + 24, 60), (x + 48, 60)])?;
            head.draw(&Text::new(*name, (x + 60, 51), text(16))).map_err(failed)?;
        }
        let (left, right) = panels.split_horizontally(SIZE.0 / 2);
        panel(&root, &left, ["hop at which the keys of the eNB were taken", "later cells read, median"], &reach)?;
        panel(&root, &right, ["one-way delay of X2 and S1 / ms", "interruption of the downlink / ms"], &interruption)?;
        root.present().map_err(failed)?;
    }
    Ok(svg)
}

/// A chart of these lines, with the titles of its axes.
pub(super) fn panel(
    root: &Area<'_>,
    area: &Area<'_>,
    [horizontal, vertical]: [&str; 2],
    lines: &[Line],
) -> Result<(), PlotError> {
    let greatest = |of: fn(&(f64, f64)) -> f64| lines.iter().flat_map(|(_, points)| points).map(of).fold(1.0, f64::max);
    let (right, top) = (greatest(|point| point.0), greatest(|point| point.1));
    let mut chart = ChartBuilder::on(area)
        .margin_left(14)
        .margin_right(22)
        .margin_top(6)
        .margin_bottom(10)
        .x_label_area_size(46)
        .y_label_area_size(62)
        .build_cartesian_2d(0.0..right * 1.02, 0.0..top * 1.08)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .x_desc(horizontal)
        .y_desc(vertical)
        .axis_desc_style(text(15))
        .label_style(text(14))
        .x_label_formatter(&|value| format!("{value:.0}"))
        .y_label_formatter(&|value| format!("{value:.0}"))
        .draw()
        .map_err(failed)?;
    for (number, points) in lines.iter().rev() {
        let points: Vec<Pixel> = points.iter().map(|point| chart.plotting_area().map_coordinate(point)).collect();
        Look::nth(*number).draw(root, &points)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::compare::Spread;
    use crate::scenario::eps::compare::{EpsRow, HopSpread};

    #[test]
    fn the_plot_has_every_scheme_and_the_titles_of_its_axes_and_is_the_same_each_time() {
        let rows = SCHEMES.iter().map(|(mode, _)| EpsRow {
            mode,
            runs: 1,
            failed: 0,
            cells_read: (0..4).map(|hop| HopSpread { hop, cells: Spread::of(vec![3]) }).collect(),
            trials: Spread::default(),
            searches_failed: [0, 0],
            interruption_ul_us: Spread::default(),
            interruption_dl_us: Spread::default(),
            messages_air: None,
            messages_backbone: None,
            bytes_air: None,
            bytes_backbone: None,
            lost_dl: None,
        });
        let comparison = EpsComparison { system: "eps", seed: 1, hops: 4, rows: rows.collect() };
        let delays = [DelayCurve { mode: "chained", points: vec![(1, 10_000), (40, 90_000)] }];
        let svg = eps_plot(&comparison, &delays, "a <caption> & more").unwrap();
        assert_eq!(eps_plot(&comparison, &delays, "a <caption> & more").unwrap(), svg);
        for words in SCHEMES.map(|(name, _)| name).iter().chain(&["hop at which", "delay of X2", "&lt;caption"]) {
            assert!(svg.contains(words), "{words}");
        }
        eps_plot(&EpsComparison { rows: Vec::new(), ..comparison }, &[], "nothing was measured").unwrap();
    }
}
