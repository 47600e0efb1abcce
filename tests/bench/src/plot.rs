//! Plots: a dot for each median, a line over its quartiles, a stroke for its goal.

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use crate::figure::short;
use crate::page::{name, thousands};
use crate::{Figure, Goal};

/// The plot of a group; none where a picture would say nothing.
///
/// # Errors
/// If it cannot be drawn.
pub(crate) fn plot(group: &[&Figure]) -> Result<Option<String>> {
    // Only what is counted in the same unit has a place in one picture.
    let unit = group[0].unit.as_deref();
    let own = group.iter().filter(|figure| figure.unit.as_deref() == unit);
    let own: Vec<&Figure> = own.copied().collect();
    if own.len() < 2 {
        return Ok(None);
    }
    let is_of_one = |figure: &&Figure| figure.at.is_some() && figure.what == own[0].what;
    let grows = own.iter().all(is_of_one);
    let mut text = String::new();
    let rows = u32::try_from(own.len())?;
    let size = if grows {
        (900, 300)
    } else {
        (900, 70 + 26 * rows)
    };
    let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
    area.fill(&WHITE)?;
    let drawn = if grows {
        curve(&area, &own)
    } else {
        dots(&area, &own)
    };
    drawn.map_err(|error| anyhow!("plot of {:?}: {error}", own[0].group))?;
    area.present()?;
    drop(area);
    // Some lines end in a space, which no file here does.
    let lines = text.lines().map(str::trim_end);
    Ok(Some(lines.collect::<Vec<_>>().join("\n") + "\n"))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

/// A row for each figure, on a scale of powers where they lie far apart.
fn dots<'a>(area: &Area<'a>, own: &[&Figure]) -> Drawn<'a> {
    let scale = Scale::of(own);
    let last = own.len().saturating_sub(1);
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_right(90)
        .x_label_area_size(30)
        .y_label_area_size(430)
        .build_cartesian_2d(scale.range(), (0..last).into_segmented())?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .axis_style(BLACK.mix(0.4))
        .x_labels(8)
        .x_label_formatter(&|at| short(scale.value(*at)))
        .y_labels(own.len())
        .y_label_formatter(&|row| match row {
            SegmentValue::CenterOf(row) | SegmentValue::Exact(row) => own
                .get(last - row)
                .map_or_else(String::new, |own| name(own)),
            SegmentValue::Last => String::new(),
        })
        .draw()?;
    for (row, figure) in own.iter().enumerate() {
        let row = SegmentValue::CenterOf(last - row);
        let at = |value| (scale.place(value), row.clone());
        let colour = colour(figure);
        chart.draw_series([PathElement::new(
            vec![at(figure.low), at(figure.high)],
            colour.stroke_width(3),
        )])?;
        let dot = Circle::new((0, 0), 5, colour.filled());
        chart.draw_series([EmptyElement::at(at(figure.median)) + dot])?;
        let text = Text::new(short(figure.median), (10, -6), ("sans-serif", 13));
        chart.draw_series([EmptyElement::at(at(figure.high)) + text])?;
        if let Some(goal) = goal(figure) {
            let stroke = PathElement::new(vec![(0, -9), (0, 9)], GOAL.stroke_width(2));
            chart.draw_series([EmptyElement::at(at(goal)) + stroke])?;
        }
    }
    Ok(())
}

/// A curve for everything that was measured at several sizes.
fn curve<'a>(area: &Area<'a>, own: &[&Figure]) -> Drawn<'a> {
    let sizes: Vec<f64> = own.iter().filter_map(|figure| size(figure)).collect();
    let [least, most] = [f64::min, f64::max].map(|pick| sizes.iter().copied().reduce(pick));
    let (least, most) = (least.unwrap_or(1.0), most.unwrap_or(1.0));
    let values = own
        .iter()
        .flat_map(|own| [own.high, goal(own).unwrap_or(0.0)]);
    let top = values.fold(0.0, f64::max) * 1.1;
    let bottom = own.iter().map(|own| own.low).fold(0.0, f64::min) * 1.1;
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_right(60)
        .caption(&own[0].what, ("sans-serif", 15))
        .x_label_area_size(30)
        .y_label_area_size(70)
        .build_cartesian_2d((least..most * 1.2).log_scale(), bottom..top)?;
    let unit = own[0].unit.as_deref().unwrap_or_default();
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .axis_style(BLACK.mix(0.4))
        .x_label_formatter(&|size| thousands(*size as u64))
        .y_label_formatter(&|value| format!("{} {unit}", short(*value)))
        .draw()?;
    let points = || own.iter().filter_map(|own| Some((size(own)?, *own)));
    chart.draw_series(LineSeries::new(
        points().map(|(size, figure)| (size, figure.median)),
        REACHED.stroke_width(2),
    ))?;
    for (size, figure) in points() {
        let colour = colour(figure);
        let quartiles = vec![(size, figure.low), (size, figure.high)];
        chart.draw_series([PathElement::new(quartiles, colour.stroke_width(3))])?;
        chart.draw_series([EmptyElement::at((size, figure.median))
            + Circle::new((0, 0), 5, colour.filled())
            + Text::new(short(figure.median), (9, -14), ("sans-serif", 13))])?;
        if let Some(goal) = goal(figure) {
            let stroke = PathElement::new(vec![(-14, 0), (14, 0)], GOAL.stroke_width(2));
            chart.draw_series([EmptyElement::at((size, goal)) + stroke])?;
        }
    }
    Ok(())
}

/// Plain, or of powers of ten where the figures lie far apart.
#[derive(Clone, Copy)]
struct Scale {
    is_of_powers: bool,
    least: f64,
    most: f64,
}

impl Scale {
    fn of(own: &[&Figure]) -> Self {
        let values = own
            .iter()
            .flat_map(|own| [own.low, own.high, goal(own).unwrap_or(own.high)]);
        let (least, most) = values.fold((f64::MAX, f64::MIN), |(least, most), value| {
            (least.min(value), most.max(value))
        });
        let is_of_powers = least > 0.0 && most / least > FAR;
        Self {
            is_of_powers,
            least,
            most,
        }
    }

    fn range(self) -> std::ops::Range<f64> {
        if self.is_of_powers {
            self.place(self.least / 1.3)..self.place(self.most * 1.3)
        } else {
            self.least.min(0.0)..self.most * 1.1
        }
    }

    /// Where on the axis the value is.
    fn place(self, value: f64) -> f64 {
        if self.is_of_powers {
            value.log10()
        } else {
            value
        }
    }

    /// What is there on the axis.
    fn value(self, place: f64) -> f64 {
        if self.is_of_powers {
            10_f64.powf(place)
        } else {
            place
        }
    }
}

fn goal(figure: &Figure) -> Option<f64> {
    let (Goal::AtMost(goal) | Goal::AtLeast(goal)) = figure.goal?;
    Some(goal)
}

/// How many there were, where there was at least one.
fn size(figure: &Figure) -> Option<f64> {
    let size = u32::try_from(figure.at?).ok()?;
    Some(f64::from(size.max(1)))
}

fn colour(figure: &Figure) -> RGBColor {
    if figure.is_reached() == Some(false) {
        MISSED
    } else {
        REACHED
    }
}

/// Readable by those who do not tell red from green.
const REACHED: RGBColor = RGBColor(31, 99, 181);
const MISSED: RGBColor = RGBColor(201, 76, 10);
const GOAL: RGBColor = RGBColor(90, 90, 90);

/// Twenty times as large is far apart.
const FAR: f64 = 20.0;
