//! The plot of `keyhop compare --plot`: interruption over backbone latency and over TEK processing time, as SVG.
//!
//! Each mode has a colour, a dash and a marker of its own, so that the lines can be told apart in print too.

use plotters::coord::Shift;
use plotters::coord::combinators::IntoLogRange;
use plotters::prelude::*;

use crate::dot16::identifiers::Direction;
use crate::scenario::compare::sweep::{Curve, Quantity};
use crate::scenario::script::HandoverMode;

/// Size in pixels.
const SIZE: (u32, u32) = (1_080, 860);
/// Height of title and legend.
const HEAD: u32 = 84;
pub(super) const INK: RGBColor = RGBColor(0x1f, 0x23, 0x28);
pub(super) const GRID: RGBColor = RGBColor(0xd8, 0xde, 0xe4);
const FONT: &str = "sans-serif";

/// Why a plot could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("the plot could not be drawn: {0}")]
pub struct PlotError(String);

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// A place in pixels.
pub(super) type Pixel = (i32, i32);

#[derive(Clone, Copy)]
enum Marker {
    Disc,
    Ring,
    Square,
    Triangle,
    Cross,
}

/// What a line looks like.
pub(super) struct Look {
    colour: RGBColor,
    /// Length of a dash and of the space after it, in pixels; without: a line that goes through.
    dash: Option<(f64, f64)>,
    marker: Marker,
}

impl Look {
    /// The look of a mode.
    fn of(mode: HandoverMode) -> Self {
        Self::nth(HandoverMode::ALL.iter().position(|(_, one)| *one == mode).unwrap_or(0))
    }

    /// The look of the line of this number, of which there are five. Colours that people who tell few of them apart see as
    /// different (Okabe and Ito).
    pub(super) fn nth(number: usize) -> Self {
        let (colour, dash, marker) = match number {
            0 => (RGBColor(0x00, 0x72, 0xb2), None, Marker::Disc),
            1 => (RGBColor(0x33, 0x33, 0x33), Some((2.0, 4.0)), Marker::Cross),
            2 => (RGBColor(0xb8, 0x4a, 0x8c), Some((14.0, 5.0)), Marker::Square),
            3 => (RGBColor(0x00, 0x8e, 0x63), Some((8.0, 5.0)), Marker::Triangle),
            _ => (RGBColor(0xd5, 0x5e, 0x00), Some((4.0, 4.0)), Marker::Ring),
        };
        Self { colour, dash, marker }
    }

    pub(super) fn draw(&self, area: &Area<'_>, points: &[Pixel]) -> Result<(), PlotError> {
        let line = ShapeStyle { color: self.colour.to_rgba(), filled: false, stroke_width: 2 };
        let pieces = match self.dash {
            Some(dash) => dashes(points, dash),
            None => vec![points.to_vec()],
        };
        for piece in pieces {
            area.draw(&PathElement::new(piece, line)).map_err(failed)?;
        }
        for point in points {
            self.mark(area, *point, line)?;
        }
        Ok(())
    }

    fn mark(&self, area: &Area<'_>, (x, y): Pixel, line: ShapeStyle) -> Result<(), PlotError> {
        let full = self.colour.filled();
        let corners = |corners: &[Pixel]| corners.iter().map(|(dx, dy)| (x + dx, y + dy)).collect::<Vec<_>>();
        match self.marker {
            Marker::Disc => area.draw(&Circle::new((x, y), 4, full)),
            Marker::Ring => area
                .draw(&Circle::new((x, y), 4, WHITE.filled()))
                .and_then(|()| area.draw(&Circle::new((x, y), 4, line))),
            Marker::Square => area.draw(&Rectangle::new([(x - 4, y - 4), (x + 4, y + 4)], full)),
            Marker::Triangle => area.draw(&Polygon::new(corners(&[(0, -6), (5, 4), (-5, 4)]), full)),
            Marker::Cross => [[(-4, -4), (4, 4)], [(-4, 4), (4, -4)]]
                .iter()
                .try_for_each(|ends| area.draw(&PathElement::new(corners(ends), line))),
        }
        .map_err(failed)
    }
}

pub(super) fn failed(error: impl std::fmt::Display) -> PlotError {
    PlotError(error.to_string())
}

/// A line through `points` in pieces of `on` pixels with `off` pixels between them.
fn dashes(points: &[Pixel], (on, off): (f64, f64)) -> Vec<Vec<Pixel>> {
    let mut pieces = Vec::new();
    let mut piece: Vec<Pixel> = Vec::new();
    // What is left of the dash or of the space that is being drawn.
    let (mut drawing, mut left) = (true, on);
    for pair in points.windows(2) {
        let [(x1, y1), (x2, y2)] = [pair[0], pair[1]].map(|(x, y)| (f64::from(x), f64::from(y)));
        let length = (x2 - x1).hypot(y2 - y1);
        let at = |along: f64| {
            let share = if length > 0.0 { along / length } else { 0.0 };
            ((x1 + (x2 - x1) * share).round() as i32, (y1 + (y2 - y1) * share).round() as i32)
        };
        let mut along = 0.0;
        while along < length {
            if drawing && piece.is_empty() {
                piece.push(at(along));
            }
            let step = left.min(length - along);
            along += step;
            left -= step;
            if drawing {
                piece.push(at(along));
            }
            if left <= 0.0 {
                if drawing {
                    pieces.push(std::mem::take(&mut piece));
                }
                drawing = !drawing;
                left = if drawing { on } else { off };
            }
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

/// The plot of these curves; `caption` says of which network.
///
/// # Errors
/// What the drawing library refuses; it has no reason to.
pub fn plot(curves: &[Curve], caption: &str) -> Result<String, PlotError> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        let (head, panels) = root.split_vertically(HEAD);
        legend(&head, caption)?;
        let range = range(curves);
        let rows = [Direction::Uplink, Direction::Downlink];
        let cells = rows.iter().flat_map(|direction| Quantity::ALL.map(|quantity| (*direction, quantity)));
        for (area, (direction, quantity)) in panels.split_evenly((2, 2)).iter().zip(cells) {
            let shown = |curve: &&Curve| (curve.direction, curve.quantity) == (direction, quantity);
            let shown: Vec<&Curve> = curves.iter().filter(shown).collect();
            panel(&root, area, (direction, quantity), &shown, range)?;
        }
        root.present().map_err(failed)?;
    }
    Ok(svg)
}

/// Least and greatest interruption of the axes, in milliseconds: all panels have the same.
fn range(curves: &[Curve]) -> (f64, f64) {
    let points = || curves.iter().flat_map(|curve| &curve.points).map(|(_, micros)| milliseconds(*micros));
    let least = points().filter(|point| *point > 0.0).fold(f64::MAX, f64::min).min(10.0);
    let greatest = points().fold(100.0, f64::max);
    (least * 0.7, greatest * 1.3)
}

fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

pub(super) fn text(size: i32) -> TextStyle<'static> {
    (FONT, size).into_font().color(&INK)
}

fn legend(area: &Area<'_>, caption: &str) -> Result<(), PlotError> {
    area.draw(&Text::new("Interruption of a handover by mode", (24, 14), text(21))).map_err(failed)?;
    area.draw(&Text::new(caption.to_owned(), (350, 18), text(14))).map_err(failed)?;
    for (number, (name, mode)) in HandoverMode::ALL.iter().enumerate() {
        let x = 30 + 205 * number as i32;
        Look::of(*mode).draw(area, &[(x, 60), (x + 24, 60), (x + 48, 60)])?;
        area.draw(&Text::new(*name, (x + 60, 51), text(16))).map_err(failed)?;
    }
    Ok(())
}

fn panel(
    root: &Area<'_>,
    area: &Area<'_>,
    (direction, quantity): (Direction, Quantity),
    curves: &[&Curve],
    (least, greatest): (f64, f64),
) -> Result<(), PlotError> {
    let horizontal = match quantity {
        Quantity::BackboneLatency => "one-way latency of the backbone / ms",
        Quantity::TekProcessing => "time to install received TEKs at the mobile / ms",
    };
    let ticks: Vec<f64> =
        [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0].to_vec();
    // The library draws lines outside the axes for others.
    let ticks = ticks.into_iter().filter(|tick| (least..greatest).contains(tick)).collect();
    let greatest_value = quantity.values().last().copied().unwrap_or(1);
    let mut chart = ChartBuilder::on(area)
        .margin_left(14)
        .margin_right(22)
        .margin_top(6)
        .margin_bottom(10)
        .x_label_area_size(46)
        .y_label_area_size(62)
        .caption(format!("{direction}"), text(17))
        .build_cartesian_2d(0f64..f64::from(greatest_value) + 1.0, (least..greatest).log_scale().with_key_points(ticks))
        .map_err(failed)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .x_labels(11)
        .x_desc(horizontal)
        .y_desc("interruption / ms")
        .axis_desc_style(text(15))
        .label_style(text(14))
        .x_label_formatter(&|value| format!("{value:.0}"))
        .y_label_formatter(&|value| format!("{value:.0}"))
        .draw()
        .map_err(failed)?;
    // Seamless last, on top.
    for curve in curves.iter().rev() {
        let place = |(value, micros): &(u32, u64)| {
            let at = (f64::from(*value), milliseconds(*micros).max(least));
            chart.plotting_area().map_coordinate(&at)
        };
        let points: Vec<Pixel> = curve.points.iter().map(place).collect();
        Look::of(curve.mode).draw(root, &points)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_cover_their_share_of_a_line_and_go_round_corners() {
        let pieces = dashes(&[(0, 0), (10, 0), (10, 10)], (4.0, 4.0));
        assert_eq!(pieces, [vec![(0, 0), (4, 0)], vec![(8, 0), (10, 0), (10, 2)], vec![(10, 6), (10, 10)]]);
        assert_eq!(dashes(&[(3, 3)], (4.0, 4.0)), Vec::<Vec<Pixel>>::new());
        assert_eq!(dashes(&[(3, 3), (3, 3)], (4.0, 4.0)), Vec::<Vec<Pixel>>::new());
    }

    #[test]
    fn a_plot_has_every_mode_and_the_titles_of_its_axes_and_is_the_same_each_time() {
        let curves: Vec<Curve> = Quantity::ALL
            .iter()
            .flat_map(|quantity| HandoverMode::ALL.iter().map(move |(_, mode)| (*quantity, *mode)))
            .map(|(quantity, mode)| Curve {
                quantity,
                direction: Direction::Uplink,
                mode,
                points: vec![(5, 0), (50, 1_500_000)],
            })
            .collect();
        let svg = plot(&curves, "a <caption> & more").unwrap();
        assert_eq!(plot(&curves, "a <caption> & more").unwrap(), svg);
        for (name, _) in HandoverMode::ALL {
            assert!(svg.contains(name), "{name}");
        }
        for words in ["uplink", "downlink", "backbone / ms", "at the mobile / ms", "interruption / ms", "&lt;caption"] {
            assert!(svg.contains(words), "{words}");
        }
        plot(&[], "nothing was measured").unwrap();
    }
}
