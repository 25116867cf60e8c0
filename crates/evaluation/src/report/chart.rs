//! Line charts as SVG, in colours and dashes that the page's style sheet gives to the lines.

use std::ops::Range;

use maud::{Markup, PreEscaped, html};
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::{Error, Result};

/// The colours of lines, distinguishable with the common colour blindnesses (after Okabe and Ito 2008). The style sheet
/// names them again, for dark mode and for the dashes that tell lines apart without colour: keep both alike.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 128, 96),
    RGBColor(170, 80, 130),
    RGBColor(110, 110, 110),
    RGBColor(140, 105, 0),
];
const INK: RGBColor = RGBColor(34, 34, 34);
const GRID: RGBColor = RGBColor(224, 224, 224);

/// Small, so that the text is still readable when a phone shows the whole chart.
const SIZE: (u32, u32) = (420, 320);
const TEXT: u32 = 18;

/// A line of a chart.
pub(crate) struct Line {
    pub name: String,
    /// x on the chart's axis, y from 0 to 1.
    pub points: Vec<(f64, f64)>,
    /// Whether each point is marked.
    pub marked: bool,
}

/// The axis of x.
pub(crate) enum XAxis {
    /// A share from 0 to 1, in percent.
    Percent,
    /// From 0 to this number, at most 1.
    Number(f64),
    /// These cut-offs, on a logarithmic scale.
    CutOffs(Vec<usize>),
}

/// What a chart shows.
pub(crate) struct Chart<'a> {
    /// Unique on the page.
    pub id: &'a str,
    pub title: &'a str,
    /// What there is to see, in a sentence or two.
    pub caption: &'a str,
    pub x: XAxis,
    pub x_name: &'a str,
    pub y_name: &'a str,
    pub lines: &'a [Line],
    /// A vertical line.
    pub mark: Option<f64>,
    /// Whether the diagonal is drawn, on which x and y are equal.
    pub diagonal: bool,
}

impl Chart<'_> {
    /// The chart with its title, legend, caption, and `numbers`: the same as a table.
    pub(crate) fn figure(&self, numbers: &Markup) -> Result<Markup> {
        let svg = self.svg()?;
        Ok(html! {
            figure {
                h3 { (self.title) }
                (PreEscaped(svg))
                ul.legend {
                    @for (number, line) in self.lines.iter().enumerate() {
                        li { span class={ "key k" (number % COLOURS.len()) } {} (line.name) }
                    }
                }
                figcaption.quiet { (self.caption) }
                details { summary { "Numbers of this chart" } (numbers) }
            }
        })
    }

    fn svg(&self) -> Result<String> {
        let mut svg = String::new();
        self.draw(&mut svg).map_err(|error| Error::Chart {
            what: "a chart of the report",
            why: error.to_string(),
        })?;
        let (width, height) = SIZE;
        // A size of its own would keep the picture from fitting a phone; the view box stays.
        let size = format!("width=\"{width}\" height=\"{height}\"");
        let id = self.id;
        let named = format!(
            "class=\"chart\" role=\"img\" aria-labelledby=\"{id}-title\" aria-describedby=\"{id}-desc\""
        );
        let names = html! {
            title id={ (id) "-title" } { (self.title) }
            desc id={ (id) "-desc" } { (self.caption) }
        };
        let (tag, rest) = svg.split_once('>').unwrap_or_default();
        let tag = tag.replacen(&size, &named, 1);
        Ok(format!("{tag}>{}{rest}", names.into_string()))
    }

    fn draw(&self, svg: &mut String) -> Drawn {
        let (end, keys) = match &self.x {
            XAxis::Percent => (1.0, even(1.0)),
            XAxis::Number(end) => (*end, even(*end)),
            XAxis::CutOffs(cut_offs) => {
                let keys: Vec<f64> = cut_offs.iter().map(|k| (*k as f64).ln()).collect();
                (keys.last().copied().unwrap_or(1.0).max(0.1), keys)
            }
        };
        let place = |x: f64| match self.x {
            XAxis::CutOffs(_) => x.ln(),
            _ => x,
        };
        let x_label = |x: &f64| match self.x {
            XAxis::Percent => format!("{:.0}", x * 100.0),
            XAxis::Number(_) => format!("{}", super::html::round(*x)),
            XAxis::CutOffs(_) => format!("{:.0}", x.exp()),
        };
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(8)
            .margin_top(14)
            .margin_right(18)
            .x_label_area_size(48)
            .y_label_area_size(58)
            .build_cartesian_2d(
                Labelled { end, keys },
                Labelled {
                    end: 1.0,
                    keys: even(1.0),
                },
            )?;
        let text = ("sans-serif", TEXT).into_font().color(&INK);
        chart
            .configure_mesh()
            .x_desc(self.x_name)
            .y_desc(self.y_name)
            .x_label_formatter(&x_label)
            .y_label_formatter(&|y| format!("{:.0}", y * 100.0))
            .axis_style(INK)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .label_style(text.clone())
            .axis_desc_style(text)
            .draw()?;
        if self.diagonal {
            let ends = [(0.0, 0.0), (end, end)];
            chart.draw_series(LineSeries::new(ends, INK.stroke_width(1)))?;
        }
        if let Some(x) = self.mark.filter(|x| (0.0..=end).contains(x)) {
            chart.draw_series(LineSeries::new([(x, 0.0), (x, 1.0)], INK.stroke_width(1)))?;
        }
        // The first line is the one that matters: it is drawn last, above the others.
        for (number, line) in self.lines.iter().enumerate().rev() {
            let colour = COLOURS[number % COLOURS.len()];
            let points = line.points.iter().map(|(x, y)| (place(*x), *y));
            let inside = points.filter(|(x, _)| *x <= end);
            chart.draw_series(LineSeries::new(inside.clone(), colour.stroke_width(2)))?;
            if line.marked {
                chart.draw_series(inside.map(|point| Circle::new(point, 3, colour.filled())))?;
            }
        }
        area.present()?;
        Ok(())
    }
}

type Drawn = std::result::Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// An axis from 0 to `end` with labels at given places.
struct Labelled {
    end: f64,
    keys: Vec<f64>,
}

impl Ranged for Labelled {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, pixels: (i32, i32)) -> i32 {
        RangedCoordf64::from(self.range()).map(value, pixels)
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.keys.clone()
    }

    fn range(&self) -> Range<f64> {
        0.0..self.end
    }
}

/// Places from 0 to `end`, a tenth or a fifth apart.
fn even(end: f64) -> Vec<f64> {
    let step = if end < 0.65 { 0.1 } else { 0.2 };
    let places = (0..=10).map(|place| f64::from(place) * step);
    places.take_while(|place| *place < end + 1e-9).collect()
}
