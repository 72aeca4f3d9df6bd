// The recorded bytes, and everything else about the scenes, must hold in a browser's engine too.
import "./scenes.test.ts";
