"""The frame of every mail: the shop's mark above, the sewn label and the way out below.

An author writes what stands between. The label and the links are ours: no template can leave them out, and no copywriter words them.
"""

from __future__ import annotations

import re
from typing import Final

from oportuno.content.liquid import TemplateFault
from oportuno.content.mjml import shield

_FILLER: Final = "&#847;&zwnj;&nbsp;" * 40
"""Fills the preview line after the preheader, so that mail programs do not pull in words from below."""
_FIRST: Final = re.compile(r"(?:\s|<!--.*?-->|\{%.*?%\})*<(mj-[\w-]+|mjml)", re.DOTALL)
_END: Final = re.compile(r"</mj-body\s*>(?!.*</mj-body)", re.DOTALL)
_START: Final = re.compile(r"<mjml\b[^>]*>")
_SHEETS: Final = frozenset({"mj-section", "mj-wrapper", "mj-hero"})

_STYLE: Final = """
:root{color-scheme:light dark;supported-color-schemes:light dark}
a{color:inherit}
@media (max-width:620px){.sheet>table>tbody>tr>td>div,.foot>table>tbody>tr>td{padding-left:0!important;padding-right:0!important}
.edge>table>tbody>tr>td{padding-left:20px!important;padding-right:20px!important}}
@media (prefers-color-scheme:dark){
body,.ground,.ground>table{background:{{ brand.dark_fog }}!important;background-color:{{ brand.dark_fog }}!important}
.sheet,.sheet>table,.sheet table{background-color:{{ brand.dark_paper }}!important}
.sheet{background:{{ brand.dark_paper }}!important}
.ink div,.ink td,.ink b,.name div{color:{{ brand.dark_ink }}!important}
.soft div,.soft td,.soft span,.ink .soft,.foot div,.foot a{color:{{ brand.dark_ink_2 }}!important}
.rule,.ink .rule,td.rule{border-color:{{ brand.dark_line }}!important}
.go td{background:{{ brand.dark_brand }}!important;background-color:{{ brand.dark_brand }}!important}
.go a{background:{{ brand.dark_brand }}!important;color:{{ brand.dark_on_brand }}!important}
.label table table table{background-color:{{ brand.dark_label }}!important;border-color:{{ brand.dark_label_edge }}!important}
.label,.label>table,.label table table{background-color:{{ brand.dark_paper }}}
.label div{color:{{ brand.dark_ink }}!important}
.label a{color:{{ brand.dark_brand }}!important}
}
[data-ogsc] .ink div,[data-ogsc] .label div,[data-ogsc] .name div{color:{{ brand.dark_ink }}!important}
[data-ogsc] .soft div,[data-ogsc] .foot div{color:{{ brand.dark_ink_2 }}!important}
[data-ogsc] .label a{color:{{ brand.dark_brand }}!important}
[data-ogsb] .sheet{background-color:{{ brand.dark_paper }}!important}
[data-ogsb] .label table table table{background-color:{{ brand.dark_label }}!important}
"""
_HEAD: Final = """<mjml lang="{{ label.language }}"><mj-head><mj-title>{{ label.subject }}</mj-title>
<mj-preview>%(preheader)s%(filler)s</mj-preview>
<mj-attributes>
<mj-all font-family="-apple-system, BlinkMacSystemFont, 'Segoe UI', Inter, Roboto, Helvetica, Arial, sans-serif" />
<mj-text padding="0 0 14px" font-size="16px" line-height="1.55" color="{{ brand.ink }}" css-class="ink" />
<mj-table padding="0 0 14px" font-size="16px" line-height="1.4" color="{{ brand.ink }}" css-class="ink" />
<mj-button padding="6px 0 14px" width="100%%" inner-padding="15px 20px" font-size="16px" font-weight="700" line-height="20px"
 border-radius="8px" background-color="{{ brand.brand }}" color="{{ brand.on_brand }}" css-class="go" />
<mj-image padding="0 0 14px" align="left" />
<mj-divider padding="0 0 14px" border-width="1px" border-color="{{ brand.line }}" />
<mj-section padding="0" /><mj-wrapper padding="0" />
<mj-class name="title" font-size="28px" line-height="1.18" font-weight="700" />
<mj-class name="soft" font-size="15px" color="{{ brand.ink_2 }}" css-class="soft" />
</mj-attributes><mj-style>%(style)s</mj-style></mj-head>"""
_MARK: Final = """<mj-section padding="24px 0 18px"><mj-column css-class="edge" padding="0 32px">
<mj-text padding="0" css-class="name" font-size="19px" line-height="30px" font-weight="700">{% if brand.mark_url != blank %}<img
 src="{{ brand.mark_url }}" width="30" height="30" alt="" style="display:inline-block;vertical-align:middle;margin-right:8px;"
 />{% endif %}<span style="vertical-align:middle;">{{ brand.name }}</span></mj-text></mj-column></mj-section>"""
_ANSWER: Final = 'style="color:{{ brand.brand }};font-weight:600;margin-right:20px;white-space:nowrap;"'
_LABEL: Final = f"""<mj-section css-class="label" padding="0"><mj-column css-class="edge" padding="0 32px 32px" inner-border-radius="8px"
 inner-border="2px dashed {{{{ brand.label_edge }}}}" inner-background-color="{{{{ brand.label }}}}">
<mj-text css-class="because" padding="14px 16px 4px" font-size="15px" line-height="1.5">
<b>{{{{ label.lead }}}}</b> {{{{ label.line }}}}</mj-text>
<mj-text css-class="answers" padding="2px 16px 14px" font-size="15px" line-height="32px">{{% if label.answers %}}
<a href="{{{{ links.bought }}}}" {_ANSWER}>{{{{ label.bought }}}}</a>
<a href="{{{{ links.not_interested }}}}" {_ANSWER}>{{{{ label.not_interested }}}}</a> {{% endif %}}
<a href="{{{{ links.why }}}}" {_ANSWER}>{{{{ label.why }}}}</a></mj-text></mj-column></mj-section>"""
_WAY: Final = 'style="color:{{ brand.ink_2 }};margin-right:20px;"'
_FOOT: Final = f"""<mj-section css-class="foot" padding="20px 0 24px"><mj-column css-class="edge" padding="0 32px">
<mj-text mj-class="soft" css-class="soft" padding="0" font-size="14px">
{{% if label.leaving %}}<a href="{{{{ links.unsubscribe }}}}" {_WAY}>{{{{ label.unsubscribe }}}}</a>{{% endif %}}
{{% if brand.privacy_url != blank %}}<a href="{{{{ brand.privacy_url }}}}" {_WAY}>{{{{ label.privacy }}}}</a>{{% endif %}}</mj-text>
<mj-text mj-class="soft" css-class="soft" padding="8px 0 0" font-size="14px">{{{{ brand.legal }}}}</mj-text>
</mj-column></mj-section>"""
_BODY: Final = '<mj-body background-color="{{ brand.fog }}" css-class="ground" width="600px">'
_COLUMN: Final = '<mj-section padding="32px 0 12px"><mj-column css-class="edge" padding="0 32px">{}</mj-column></mj-section>'


def frame(mjml: str, preheader: str) -> str:
    """Set what an author wrote into the frame and give one MJML document with Liquid.

    The author's part may be a whole document, sections, or the contents of one column. In a whole document the label and the way out are
    sewn in before its end. Raises TemplateFault with the author's line.
    """
    kind = kind_of(mjml)
    shield(mjml, root=_ROOTS[kind])
    if kind == "document":
        whole = _END.sub(lambda found: _sheet(_LABEL) + _FOOT + found.group(), mjml, count=1)
        return _START.sub(_LANGUAGE, whole, count=1)
    inside = mjml if kind == "sections" else _COLUMN.format(mjml)
    head = _HEAD % {"preheader": preheader, "filler": _FILLER if preheader else "", "style": _STYLE}
    body = f"{_BODY}{_MARK}{_sheet(inside + _LABEL)}{_FOOT}</mj-body>"
    return f"{head}{body}</mjml>"


_LANGUAGE: Final = '<mjml lang="{{ label.language }}">'
_ROOTS: Final = {"document": "mjml", "sections": "mj-wrapper", "column": "mj-column"}


def _sheet(inside: str) -> str:
    return f'<mj-wrapper css-class="sheet" background-color="{{{{ brand.paper }}}}" border-radius="12px" padding="0">{inside}</mj-wrapper>'


def kind_of(mjml: str) -> str:
    """Say what an author wrote: a ``document``, ``sections``, or the contents of one ``column``."""
    first = _FIRST.match(mjml)
    if first is None:
        raise TemplateFault("mjml_malformed", "the template has no MJML element", line=1)
    name = first[1]
    return "document" if name == "mjml" else "sections" if name in _SHEETS else "column"
