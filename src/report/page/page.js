// Runs inside the report: draws the charts with uPlot (a global), and wires legends, theme and copy buttons.
(() => {
  const root = document.documentElement;
  const color = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const charts = JSON.parse(document.getElementById("chart-data").textContent);
  const plots = [];

  const number = (value) => {
    const size = Math.abs(value);
    return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
  };
  const show = (chart, value) => (value == null ? "–" : chart.percent ? `${(value * 100).toFixed(1)}%` : number(value));

  const options = (chart, box, onCursor) => {
    // A logarithmic axis would otherwise get a line for each of 2, 3, 4 ... of every decade.
    const decades = (_, splits) =>
      splits.map((value) => (!chart.log || Number.isInteger(Math.log10(value)) ? value : null));
    return {
      width: box.clientWidth,
      height: box.clientHeight,
      legend: { show: false },
      padding: [8, 10, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, sync: { key: "epochs" }, points: { size: 7 } },
      scales: {
        x: { time: false },
        y: chart.log
          ? { distr: 3, log: 10 }
          : { range: (_, low, high) => window.uPlot.rangeNum(Math.min(low, chart.threshold ?? low), high, 0.1, true) },
      },
      axes: [
        {
          stroke: () => color("--muted"),
          grid: { show: false },
          ticks: { stroke: () => color("--rule"), size: 4 },
          size: 30,
          font: "12px system-ui, sans-serif",
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
        },
        {
          stroke: () => color("--muted"),
          grid: { stroke: () => color("--rule"), width: 1, filter: decades },
          ticks: { show: false },
          size: 48,
          gap: 6,
          font: "12px system-ui, sans-serif",
          filter: decades,
          values: (_, splits) =>
            splits.map((value) =>
              value == null ? "" : chart.percent ? `${Number((value * 100).toFixed(1))}%` : number(value),
            ),
        },
      ],
      series: [
        {},
        ...chart.series.map((series) => ({
          label: series.name,
          stroke: () => color(series.color),
          dash: series.dash,
          width: series.dash.length ? 1.8 : 2.4,
          spanGaps: true,
          points: { show: chart.epochs.length < 3, size: 6 },
        })),
      ],
      hooks: {
        setCursor: [onCursor],
        drawClear: [
          (u) => {
            if (chart.threshold === undefined) return;
            const y = Math.round(u.valToPos(chart.threshold, "y", true));
            u.ctx.save();
            u.ctx.strokeStyle = color("--bad");
            u.ctx.lineWidth = devicePixelRatio;
            u.ctx.setLineDash([6, 6]);
            u.ctx.beginPath();
            u.ctx.moveTo(u.bbox.left, y);
            u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
            u.ctx.stroke();
            u.ctx.restore();
          },
        ],
      },
    };
  };

  for (const figure of document.querySelectorAll("[data-chart]")) {
    const chart = charts[figure.dataset.chart];
    const box = figure.querySelector(".plot");
    const buttons = [...figure.querySelectorAll("[data-series]")];
    const lasts = chart.series.map(({ values }) => values.findLast((value) => value != null));
    const readings = (index) =>
      chart.series.map(({ values }, n) => show(chart, index == null ? lasts[n] : values[index]));
    const onCursor = (u) => {
      const { idx } = u.cursor;
      readings(idx).forEach((text, n) => {
        buttons[n].querySelector("b").textContent = text;
      });
      figure.querySelector(".epoch").textContent = idx == null ? "" : `epoch ${chart.epochs[idx]}`;
    };
    const plot = new window.uPlot(
      options(chart, box, onCursor),
      [chart.epochs, ...chart.series.map(({ values }) => values)],
      box,
    );
    plots.push(plot);

    for (const [n, button] of buttons.entries()) {
      button.addEventListener("click", () => {
        const on = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(on));
        plot.setSeries(n + 1, { show: on });
      });
    }
    let at = null;
    box.addEventListener("keydown", (event) => {
      const last = chart.epochs.length - 1;
      const moves = { ArrowLeft: (at ?? last + 1) - 1, ArrowRight: (at ?? -1) + 1, Home: 0, End: last };
      if (!(event.key in moves)) return;
      event.preventDefault();
      at = Math.min(last, Math.max(0, moves[event.key]));
      plot.setCursor({ left: plot.valToPos(chart.epochs[at], "x"), top: 1 });
      const said = chart.series.map(({ name }, n) => `${name} ${readings(at)[n]}`).join(", ");
      figure.querySelector("[aria-live]").textContent = `epoch ${chart.epochs[at]}: ${said}`;
    });
    box.addEventListener("blur", () => {
      at = null;
      plot.setCursor({ left: -10, top: -10 });
    });
    new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: box.clientHeight })).observe(box);
  }

  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const theme = document.querySelector(".theme");
  const paint = () => {
    theme.textContent = isDark() ? "Light" : "Dark";
    for (const plot of plots) plot.redraw(false);
  };
  theme.hidden = false;
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    paint();
  });
  system.addEventListener("change", paint);
  paint();

  for (const button of document.querySelectorAll(".copy")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.previousElementSibling.textContent);
      button.textContent = "Copied";
    });
  }
})();
