"use strict";
(function () {
  const view = JSON.parse(document.getElementById("view").textContent);
  const sliders = [0, 1, 2].map((axis) => document.getElementById("slice-" + axis));
  const axes = ["X", "Y", "Z"];

  function bytes(text) {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  }

  // Bits, x fastest: where a value other than 0 follows in `values`, and where there is none.
  function unpack() {
    const known = bytes(view.known), unknown = bytes(view.unknown);
    const given = new DataView(bytes(view.values).buffer);
    const values = new Float32Array(view.shape[0] * view.shape[1] * view.shape[2]);
    const has = (bits, i) => (bits[i >> 3] >> (i & 7)) & 1;
    for (let i = 0, next = 0; i < values.length; i++) {
      if (has(known, i)) {
        values[i] = given.getFloat32(next, true);
        next += 4;
      } else if (has(unknown, i)) {
        values[i] = NaN;
      }
    }
    return values;
  }

  function apply(rows, slice) {
    return rows.map((row) => row[0] * slice[0] + row[1] * slice[1] + row[2] * slice[2] + row[3]);
  }

  function number(value, digits) {
    return String(Number(value.toPrecision(digits))).replace("-", "\u2212");
  }

  function millimetres(value) {
    return number(Math.round(value * 100) / 100, 9);
  }

  function start() {
    const values = unpack();
    const overlays = Array.from(document.getElementsByClassName("overlay"));
    view.params.colorMap.hide = true;
    const brain = brainsprite(view.params);
    const drawSlices = brain.drawAll;

    // Thin, and open in the middle: on a coarse grid a line of voxels hides what it points at.
    function line(left, top, across, down, n, m, x, y) {
      const [width, height] = [across / n, down / m];
      const [column, row] = [left + (x + 0.5) * width, top + (m - y - 0.5) * height];
      const gap = Math.max(width, 6);
      brain.context.fillStyle = "#39ff14";
      brain.context.fillRect(left, Math.round(row), column - gap - left, 1);
      brain.context.fillRect(column + gap, Math.round(row), left + across - column - gap, 1);
      brain.context.fillRect(Math.round(column), top, 1, row - gap - top);
      brain.context.fillRect(Math.round(column), row + gap, 1, top + down - row - gap);
    }

    brain.drawAll = function () {
      brain.sizeFontPixels = Math.max(9, Math.min(14, 0.09 * brain.heightCanvas.max));
      drawSlices();
      const { X, Y, Z } = brain.numSlice, n = brain.nbSlice;
      const wide = brain.widthCanvas, high = brain.heightCanvas;
      const top = (axis) => (high.max - high[axis]) / 2;
      line(0, top("X"), wide.X, high.X, n.Y, n.Z, Y, Z);
      line(wide.X, top("Y"), wide.Y, high.Y, n.X, n.Z, X, Z);
      line(wide.X + wide.Y, top("Z"), wide.Z, high.Z, n.X, n.Y, X, Y);
    };

    function say() {
      const slice = axes.map((axis) => brain.numSlice[axis]);
      const place = apply(view.affine, slice).map(millimetres);
      const voxel = apply(view.voxel, slice).map((x) => Math.floor(x + 0.5 + view.tie));
      const within = voxel.every((x, axis) => x >= 0 && x < view.mapShape[axis]);
      const value = values[slice[0] + view.shape[0] * (slice[1] + view.shape[1] * slice[2])];
      const text = isNaN(value) ? "none" : number(value, 6) + " " + view.unit;
      document.getElementById("value").textContent = text.trim();
      document.getElementById("place").textContent =
        "x " + place[0] + ", y " + place[1] + ", z " + place[2] + " mm";
      document.getElementById("voxel").textContent = within ? voxel.join(", ") : "outside the map";
      sliders.forEach((slider, axis) => {
        slider.value = slice[axis];
        slider.setAttribute("aria-valuetext", place[axis] + " mm");
      });
    }

    function redraw() {
      brain.init();
      brain.drawAll();
    }

    sliders.forEach((slider, axis) => slider.addEventListener("input", () => {
      brain.numSlice[axes[axis]] = Number(slider.value);
      brain.drawAll();
      say();
    }));
    document.getElementById("threshold").addEventListener("change", (event) => {
      brain.overlay.sprite = overlays[Number(event.target.value)];
      redraw();
    });
    document.getElementById("opacity").addEventListener("input", (event) => {
      brain.overlay.opacity = Number(event.target.value) / 100;
      redraw();
    });
    brain.onclick = say;
    // A button that is let go outside of the canvas must end the drag too.
    window.addEventListener("mouseup", () => {
      brain.canvas.removeEventListener("mousemove", brain.clickBrain, false);
    });
    brain.drawAll();
    say();
    tellHeight();
  }

  // The page around cannot look into a frame that was opened from disk.
  function tellHeight() {
    if (window.parent !== window) {
      document.documentElement.classList.add("embedded");
      const main = document.querySelector("main");
      new ResizeObserver(() => {
        window.parent.postMessage({ mapHeight: Math.ceil(main.getBoundingClientRect().height) }, "*");
      }).observe(main);
    }
  }

  window.addEventListener("load", start);
})();
