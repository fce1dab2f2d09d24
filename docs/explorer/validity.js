"use strict";
// What a field may hold, by the names of the classes of mappedram/format/validity.py.

const { returned } = require("./words");

const isPowerOfTwo = (value) => Number.isInteger(Math.log2(value));

/** Why a name is dangerous; null if it is safe. */
function danger(name) {
  if (/[\x00-\x1f\x7f]/.test(name)) return returned("danger", {}, 0);
  return name.split("/").some((step) => step === "." || step === "..") ? returned("danger", {}, 1) : null;
}

const ACCEPTS = {
  AtLeast: (value, { least }) => value >= least,
  AtMost: (value, { most }) => value <= most,
  Between: (value, { least, most }) => value >= least && value <= most,
  Equals: (value, rule) => value === rule.value,
  Harmless: (value) => danger(value) === null,
  MoreThan: (value, { bound }) => value > bound,
  MultipleOf: (value, { unit }) => value % unit === 0,
  OneOf: (value, { values }) => values.includes(value),
  PowerOfTwo: (value, { least, most }) => value >= least && value <= most && isPowerOfTwo(value),
  Printable: (value) => /^[ -~]*$/.test(value),
};

const accepts = (validity, value) => ACCEPTS[validity.is](value, validity);

module.exports = { accepts, danger };
