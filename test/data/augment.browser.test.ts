// The recorded bits, and everything else about the variation of samples, must hold in a browser's engine too.
import "./augment.test.ts";
import "./hsv.test.ts";
import "./resample.test.ts";
