package main

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"os"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/palette/brewer"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/mynah-coach/mynah/coach"
)

// picture is a row of plots, one for each level.
type picture []*plot.Plot

// panel is the width and height of one plot.
const panel = 7 * vg.Centimeter

// save writes the picture as PNG.
func (p picture) save(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(p.write(f), f.Close())
}

func (p picture) write(out io.Writer) error {
	img := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(panel*vg.Length(len(p)), panel), vgimg.UseDPI(120))}
	tiles := draw.Tiles{Rows: 1, Cols: len(p), PadX: vg.Millimeter * 4, PadTop: vg.Millimeter * 2, PadBottom: vg.Millimeter * 2, PadLeft: vg.Millimeter * 2, PadRight: vg.Millimeter * 2}
	for i, canvas := range plot.Align([][]*plot.Plot{p}, tiles, draw.New(img))[0] {
		p[i].Draw(canvas)
	}
	_, err := img.WriteTo(out)
	return err
}

// newPanel returns an empty plot whose texts are set in a sans-serif face.
func newPanel(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		style.Font.Variant = "Sans"
	}
	p.X.Label.TextStyle.Font.Size, p.Y.Label.TextStyle.Font.Size = vg.Points(10), vg.Points(10)
	p.X.Tick.Label.Font.Size, p.Y.Tick.Label.Font.Size = vg.Points(8), vg.Points(8)
	return p
}

// confusions is one level's counts as a grid: x our class, y the experts', z the
// share of the experts' class.
type confusions [][]int

func (c confusions) Dims() (columns, rows int) { return len(c), len(c) }
func (confusions) X(column int) float64        { return float64(column) }
func (confusions) Y(row int) float64           { return float64(row) }

// Z implements plotter.GridXYZ.
func (c confusions) Z(column, row int) float64 {
	sum := 0
	for _, n := range c[row] {
		sum += n
	}
	return float64(c[row][column]) / math.Max(1, float64(sum))
}

// classNames are the ticks of an axis of classes.
type classNames struct{}

// Ticks implements plot.Ticker.
func (classNames) Ticks(_, _ float64) []plot.Tick {
	var out []plot.Tick
	for i, l := range coach.Labels() {
		out = append(out, plot.Tick{Value: float64(i), Label: l.String()})
	}
	return out
}

// confusionPicture shows which class we give to what experts put into each.
func confusionPicture(r evalReport) picture {
	var out picture
	for _, level := range evalLevels() {
		p := newPanel(fmt.Sprintf("%s  (QWK %s)", level, figure(r.QWK, level)), "mynah", "experts")
		p.X.Tick.Marker, p.Y.Tick.Marker = classNames{}, classNames{}
		p.X.Tick.Label.Rotation, p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = math.Pi/6, text.XRight, text.YCenter
		grid := confusions(r.Confusion[level])
		blues, err := brewer.GetPalette(brewer.TypeSequential, "Blues", 9)
		if err != nil {
			panic(err) // the library's own palette
		}
		heat := plotter.NewHeatMap(grid, blues)
		heat.Min, heat.Max = 0, 1
		p.Add(heat, grid.labels())
		out = append(out, p)
	}
	return out
}

// labels are the counts, each in its cell.
func (c confusions) labels() *plotter.Labels {
	var of plotter.XYLabels
	var styles []text.Style
	for row := range c {
		for column, n := range c[row] {
			style := text.Style{Color: color.Black, XAlign: text.XCenter, YAlign: text.YCenter, Handler: plot.DefaultTextHandler}
			style.Font.Typeface, style.Font.Variant, style.Font.Size = plot.DefaultFont.Typeface, "Sans", vg.Points(8)
			if c.Z(column, row) > .6 { // on dark blue
				style.Color = color.White
			}
			of.XYs = append(of.XYs, plotter.XY{X: float64(column), Y: float64(row)})
			of.Labels = append(of.Labels, fmt.Sprint(n))
			styles = append(styles, style)
		}
	}
	return &plotter.Labels{XYs: of.XYs, Labels: of.Labels, TextStyle: styles}
}

// calibrationPicture shows how often verdicts were right, by how sure they were.
// On the diagonal a confidence means what it says; a larger dot is more
// judgements.
func calibrationPicture(r evalReport) picture {
	var out picture
	for _, level := range evalLevels() {
		p := newPanel(fmt.Sprintf("%s  (ECE %s)", level, figure(r.ECE, level)), "confidence in the verdict", "experts agree")
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
		diagonal := plotter.NewFunction(func(x float64) float64 { return x })
		diagonal.Dashes, diagonal.Color = []vg.Length{vg.Points(3), vg.Points(3)}, color.Gray{Y: 140}
		p.Add(plotter.NewGrid(), diagonal)
		bins, total := r.Calibration[level], 0
		var points plotter.XYs
		for _, b := range bins {
			points, total = append(points, plotter.XY{X: b.Confidence, Y: b.Right}), total+b.Count
		}
		if len(points) > 0 {
			blue := color.RGBA{R: 8, G: 81, B: 156, A: 255}
			dots := &plotter.Scatter{XYs: points, GlyphStyleFunc: func(i int) draw.GlyphStyle {
				return draw.GlyphStyle{Color: blue, Shape: draw.CircleGlyph{}, Radius: vg.Points(2 + 8*math.Sqrt(float64(bins[i].Count)/float64(total)))}
			}}
			p.Add(&plotter.Line{XYs: points, LineStyle: draw.LineStyle{Color: blue, Width: vg.Points(1)}}, dots)
		}
		out = append(out, p)
	}
	return out
}
