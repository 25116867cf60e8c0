//! Line charts as SVG, in colours that the page's style sheet turns for dark mode.

use plotters::prelude::*;

use crate::{Error, Result};

/// The colours of lines, distinguishable with the common colour blindnesses (Okabe and Ito 2008). The style sheet names
/// them again for dark mode: keep both alike.
pub(crate) const COLOURS: [RGBColor; 5] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 128, 96),
    RGBColor(170, 80, 130),
    RGBColor(110, 110, 110),
];
const INK: RGBColor = RGBColor(34, 34, 34);
const GRID: RGBColor = RGBColor(224, 224, 224);

/// A line of a chart.
pub(crate) struct Line {
    pub name: String,
    /// x and y, both from 0 to 1.
    pub points: Vec<(f64, f64)>,
}

/// Draws lines over a square of x from 0 to `x_end` and y from 0 to 1. `mark` is a vertical line.
pub(crate) fn lines(
    what: &'static str,
    axes: (&str, &str),
    x_end: f64,
    lines: &[Line],
    mark: Option<f64>,
) -> Result<String> {
    let mut svg = String::new();
    let drawn = draw(&mut svg, axes, x_end, lines, mark);
    drawn.map_err(|error| Error::Chart {
        what,
        why: error.to_string(),
    })?;
    // A size of its own would keep the picture from fitting a phone; the view box stays.
    let svg = svg.replacen(
        "width=\"640\" height=\"400\"",
        "class=\"chart\" aria-hidden=\"true\"",
        1,
    );
    Ok(svg)
}

type Drawn = std::result::Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn draw(
    svg: &mut String,
    axes: (&str, &str),
    x_end: f64,
    lines: &[Line],
    mark: Option<f64>,
) -> Drawn {
    let area = SVGBackend::with_string(svg, (640, 400)).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(12)
        .x_label_area_size(58)
        .y_label_area_size(68)
        .build_cartesian_2d(0.0..x_end, 0.0..1.0)?;
    let text = ("sans-serif", 19).into_font().color(&INK);
    chart
        .configure_mesh()
        .x_desc(axes.0)
        .y_desc(axes.1)
        .x_labels(6)
        .y_labels(6)
        .axis_style(INK)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .label_style(text.clone())
        .axis_desc_style(text)
        .draw()?;
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let points = line.points.iter().copied().filter(|(x, _)| *x <= x_end);
        chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
    }
    if let Some(x) = mark.filter(|x| (0.0..=x_end).contains(x)) {
        chart.draw_series(LineSeries::new([(x, 0.0), (x, 1.0)], INK.stroke_width(1)))?;
    }
    area.present()?;
    Ok(())
}
