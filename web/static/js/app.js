// Loaded by every page: what works the same everywhere.
import "./copy.js";
import "./time.js";
import "./dialogs.js";
import { showState } from "./live.js";

showState();
