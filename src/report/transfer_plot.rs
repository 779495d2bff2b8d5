//! The plot of `keyhop compare --system context-transfer --plot`: interruption of the downlink over the delay of the HSS, as SVG.

use plotters::prelude::*;

use super::eps_plot::{Line, panel};
use super::plot::{Look, PlotError, failed, text};
use crate::scenario::eps::transfer_compare::TransferComparison;

/// Size in pixels.
const SIZE: (u32, u32) = (760, 520);
/// Height of title and legend.
const HEAD: u32 = 84;

/// The plot of a comparison; `caption` says of which network.
///
/// # Errors
/// What the drawing library refuses; it has no reason to.
pub fn transfer_plot(comparison: &TransferComparison, caption: &str) -> Result<String, PlotError> {
    let points = |(number, curve): (usize, &crate::scenario::eps::transfer_compare::HssCurve)| {
        (number, curve.points.iter().map(|(delay, micros)| (*delay as f64, *micros as f64 / 1_000.0)).collect())
    };
    let lines: Vec<Line> = comparison.sweep.iter().enumerate().map(points).collect();
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        let (head, below) = root.split_vertically(HEAD);
        head.draw(&Text::new("Context transfer", (24, 14), text(21))).map_err(failed)?;
        head.draw(&Text::new(caption.to_owned(), (210, 18), text(14))).map_err(failed)?;
        for (number, curve) in comparison.sweep.iter().enumerate() {
            let x = 30 + 240 * number as i32;
            Look::nth(number).draw(&head, &[(x, 60), (x + 24, 60), (x + 48, 60)])?;
            head.draw(&Text::new(curve.mode.clone(), (x + 60, 51), text(15))).map_err(failed)?;
        }
        panel(&root, &below, ["one-way delay between MME and HSS / ms", "interruption of the downlink / ms"], &lines)?;
        root.present().map_err(failed)?;
    }
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::eps::transfer_compare::HssCurve;

    #[test]
    fn the_plot_has_every_curve_and_the_titles_of_its_axes_and_is_the_same_each_time() {
        let modes = ["inter-mme handover", "inter-mme authentication"];
        let curve = |mode: &str| HssCurve { mode: mode.to_owned(), points: vec![(1, 30_000), (160, 400_000)] };
        let sweep = modes.map(curve).to_vec();
        let comparison = TransferComparison { system: "context-transfer", seed: 1, rows: Vec::new(), sweep };
        let svg = transfer_plot(&comparison, "a <caption>").unwrap();
        assert_eq!(transfer_plot(&comparison, "a <caption>").unwrap(), svg);
        for words in modes.iter().chain(&["between MME and HSS", "&lt;caption", "interruption of the downlink"]) {
            assert!(svg.contains(words), "{words}");
        }
    }
}
