// The entry. Every page reads and acts without it; what it adds is comfort: fresh numbers, questions
// before something is lost, single keys.
import "./filter.js";
import "./live.js";
import "./dialog.js";
import "./selection.js";
import "./keyboard.js";
import "./copy.js";
