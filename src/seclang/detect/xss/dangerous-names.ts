/** The tags and attributes of HTML, SVG and old browsers that run script or load it; it must never hold a plain one. */

/** What an attribute's value has to be for it to be an attack. */
export type AttributeDanger = "always" | "url" | "attributeName";

// Elements that run, load or frame active content, change how the page is read, or are script carriers of old browsers.
const DANGEROUS_TAGS: ReadonlySet<string> = new Set(
  (
    "applet base bgsound comment embed frame frameset handler iframe import isindex layer link listener meta " +
    "noscript object portal script style vmlframe xml xss"
  ).split(" "),
);

// Whole vocabularies, with or without a namespace colon: SVG has script, event and animation elements; XSLT makes both.
const DANGEROUS_TAG_PREFIXES = ["svg", "xsl"] as const;

const URL_ATTRIBUTES =
  "action background by cite codebase data dynsrc folder formaction from handler href lowsrc manifest poster src " +
  "to values xlink:href";

// Style and filter ran script in old browsers and still overlay a page; the others bind data or a whole document.
const ALWAYS_DANGEROUS = "dataformatas datafld datasrc filter srcdoc style";

const ATTRIBUTES: ReadonlyMap<string, AttributeDanger> = new Map<string, AttributeDanger>([
  ...URL_ATTRIBUTES.split(" ").map((name) => [name, "url"] as const),
  ...ALWAYS_DANGEROUS.split(" ").map((name) => [name, "always"] as const),
  // SVG animation: the value names the attribute that gets set.
  ["attributename", "attributeName"],
]);

// Event names of the HTML, DOM, UI Events, Pointer, Touch, CSS and Media standards, then those of old browsers.
const EVENTS: ReadonlySet<string> = new Set(
  (
    "abort activate afterprint afterscriptexecute animationcancel animationend animationiteration animationstart " +
    "auxclick beforecopy beforecut beforeinput beforematch beforepaste beforeprint beforescriptexecute beforetoggle " +
    "beforeunload begin blur cancel canplay canplaythrough change click close command contentvisibilityautostatechange " +
    "contextlost contextmenu contextrestored copy cuechange cut dblclick drag dragend dragenter dragexit dragleave " +
    "dragover dragstart drop durationchange emptied end ended enterpictureinpicture error focus focusin focusout " +
    "formdata fullscreenchange fullscreenerror gesturechange gestureend gesturestart gotpointercapture hashchange " +
    "input invalid keydown keypress keyup languagechange leavepictureinpicture load loadeddata loadedmetadata " +
    "loadend loadstart lostpointercapture message messageerror mousedown mouseenter mouseleave mousemove mouseout " +
    "mouseover mouseup mousewheel offline online pagehide pagereveal pageshow pageswap paste pause play playing " +
    "pointercancel pointerdown pointerenter pointerleave pointermove pointerout pointerover pointerrawupdate " +
    "pointerup popstate progress ratechange readystatechange rejectionhandled repeat reset resize scroll scrollend " +
    "scrollsnapchange scrollsnapchanging search securitypolicyviolation seeked seeking select selectionchange " +
    "selectstart show slotchange stalled storage submit suspend timeupdate toggle touchcancel touchend touchmove " +
    "touchstart transitioncancel transitionend transitionrun transitionstart unhandledrejection unload volumechange " +
    "waiting webkitanimationend webkitanimationiteration webkitanimationstart webkitfullscreenchange " +
    "webkitmouseforcechanged webkitmouseforcedown webkitmouseforceup webkitmouseforcewillbegin " +
    "webkitplaybacktargetavailabilitychanged webkittransitionend wheel zoom " +
    "afterupdate beforeactivate beforedeactivate beforeeditfocus beforeupdate bounce cellchange controlselect " +
    "dataavailable datasetchanged datasetcomplete deactivate errorupdate filterchange finish help layoutcomplete " +
    "losecapture move moveend movestart outofsync propertychange resizeend resizestart resume reverse rowenter " +
    "rowexit rowsdelete rowsinserted seek start stop syncrestored timeerror trackchange urlflip"
  ).split(" "),
);

// "on" and three letters: the shortest event handlers are onend, oncut and the like.
const SHORTEST_HANDLER_LENGTH = 5;

const NULS = /\0/gu;

/** A name as browsers compare it: lower case, and without the NULs that old ones dropped. */
const canonicalName = (name: string): string =>
  (name.includes("\0") ? name.replace(NULS, "") : name).toLowerCase();

/** Whether a tag of this name is an attack whatever its attributes are. */
export function isDangerousTag(rawName: string): boolean {
  const name = canonicalName(rawName);
  return (
    DANGEROUS_TAGS.has(name) || DANGEROUS_TAG_PREFIXES.some((prefix) => name.startsWith(prefix))
  );
}

/**
 * The danger of an attribute, undefined for a plain one. Inside a tag that the value itself opened every "on..." counts
 * as an event handler; elsewhere ("one=1", "onboarding=done") only the known ones.
 */
export function dangerOfAttribute(
  rawName: string,
  isInOwnTag: boolean,
): AttributeDanger | undefined {
  const name = canonicalName(rawName);
  if (name.startsWith("on") && name.length >= SHORTEST_HANDLER_LENGTH) {
    if (isInOwnTag || EVENTS.has(name.slice(2))) return "always";
  }
  const danger = ATTRIBUTES.get(name);
  if (danger !== undefined) return danger;
  // A namespace brings any vocabulary, SVG among them, into the page.
  return name.startsWith("xmlns") || name.startsWith("xlink") ? "always" : undefined;
}
