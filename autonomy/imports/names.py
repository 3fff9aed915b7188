"""The words of exports, as data: names of columns, of states and months, of units and currencies.

English, German, Estonian, French and Spanish; Meta, Google, Microsoft, TikTok, LinkedIn, Pinterest,
Amazon and plain reports. Names are compared without case, accents, currencies in brackets, and
whether words are parted by a space, `_`, `.` or `-`; they are parted by `|` here. Of several names
for one field the first listed wins: Meta's `Link clicks` before `Clicks (all)`, because a like is
no visit.
"""

from __future__ import annotations

from collections.abc import Mapping


def _listed(*lines: str) -> tuple[str, ...]:
    """The names of the lines, each once."""
    return tuple(dict.fromkeys(name.strip() for line in lines for name in line.split("|")))


NAMES: Mapping[str, tuple[str, ...]] = {
    "campaign": _listed(
        "campaign name | campaign | title | campaign title | line item | line | campaigns",
        "kampagnenname | kampagne | name der kampagne",
        "kampaania nimi | kampaania | kampaania nimetus",
        "nom de la campagne | nom de campagne | campagne",
        "nombre de la campaña | nombre de campaña | campaña",
    ),
    "campaign_id": _listed(
        "campaign id | id | kampagnen id | kampagnen-id | id der kampagne | kampaania id",
        "id de la campagne | identifiant de la campagne | id de campagne | id de campaña",
        "id de la campaña | identificador de la campaña | identificador de campaña",
    ),
    "account": _listed(
        "account name | account | customer | customer id | account id | ad account name",
        "customer descriptive name | customer name | advertiser name",
        "kontoname | konto | name des werbekontos | werbekonto | kundenname",
        "konto nimi | reklaamikonto nimi | reklaamikonto",
        "nom du compte | nom du compte publicitaire | compte",
        "nombre de la cuenta | nombre de la cuenta publicitaria | cuenta",
    ),
    "bucket": _listed("bucket | timestamp | datetime | date time | stat time hour"),
    "date": _listed(
        "day | date | reporting starts | date start | by day | gregorian date | segments date",
        "start date (in utc) | stat time day | report date | time period | date (utc)",
        "tag | datum | berichtsstart | auswertungsbeginn | berichtsbeginn | gregorianisches datum",
        "päev | kuupäev | aruandluse algus | aruande algus",
        "jour | début des rapports | début du rapport | date grégorienne",
        "día | fecha | inicio del informe | fecha gregoriana",
    ),
    "hour": _listed(
        "time of day (ad account time zone) | time of day (viewer's time zone)",
        "hour of the day | hour of day | hour | time of day | segments hour | by hour",
        "stunde des tages | stunde | tageszeit | uhrzeit",
        "tund | kellaaeg | tund päevas",
        "heure de la journée | heure",
        "hora del día | hora",
    ),
    "impressions": _listed(
        "impressions | impr. | impr | views | metrics impressions",
        "impressionen | näitamised | näit. | kuvamised | impressioonid | impresiones",
    ),
    "reach": _listed(
        "reach | accounts center accounts reached | unique users",
        "reichweite | katvus | ulatus | couverture | portée | alcance",
    ),
    "clicks": _listed(
        "link clicks | clicks | clicks (all) | interactions | metrics clicks",
        "clicks (destination) | outbound clicks | pin clicks | inline link clicks",
        "link klicks | linkklicks | klicks | klicks (alle) | interaktionen",
        "lingiklõpsud | lingi klõpsud | klõpsud | klikid | klõpsud (kõik) | klikid (kõik)",
        "clics sur un lien | clics sur le lien | clics | clics (tous)",
        "clics en el enlace | clics en enlaces | clics (todos)",
    ),
    "conversions": _listed(
        "purchases | website purchases | conversions | conv. | orders | results | all conv.",
        "transactions | metrics conversions | complete payment | complete payments",
        "purchases (website) | total conversions (checkout) | total conversions | checkouts",
        "7 day total orders (#) | 14 day total orders (#) | 7 day total orders",
        "14 day total orders",
        "käufe | website käufe | konversionen | bestellungen | ergebnisse | alle conv.",
        "ostud | veebilehe ostud | konversioonid | konv. | tellimused | tulemused",
        "achats | achats sur le site web | commandes | résultats | toutes les conv.",
        "compras | compras en el sitio web | conversiones | pedidos | resultados",
        "todas las conv.",
    ),
    "spend": _listed(
        "amount spent | spend | cost | spent | media cost | total spent | total spend | total cost",
        "spend in account currency | cost micros | metrics cost micros | spend in micro dollar",
        "spend in micro dollars | spend micros",
        "ausgegebener betrag | ausgaben | kosten | werbeausgaben",
        "kulutatud summa | kulu | kulud | reklaamikulu",
        "montant dépensé | dépenses | dépense | coût | coûts",
        "importe gastado | gasto | inversión | coste | costo | gastos | costes",
    ),
    "revenue": _listed(
        "purchases conversion value | website purchases conversion value | conv. value",
        "conversion value | conversions value | total conv. value | revenue | sales",
        "all conv. value | value | metrics conversions value",
        "total order value (checkout) | 7 day total sales | 14 day total sales",
        "conversion wert für käufe | kauf conversion wert | conversion wert von käufen",
        "wert der käufe | website kauf conversion wert | conv. wert | conversion wert",
        "konversionswert | umsatz | einnahmen | erlös | alle conv. werte",
        "ostude konversiooniväärtus | ostude konversiooni väärtus | konversiooniväärtus",
        "konv. väärtus | konversiooni väärtus | konversioonide väärtus | tulu | käive",
        "valeur de conversion des achats | valeur de conversion d'achat | valeur de conv.",
        "valeur de conversion | valeur des conversions | chiffre d'affaires | revenu | revenus",
        "valor de conversión de compras | valor de conversión de las compras | valor de conv.",
        "valor de conversión | valor de las conversiones | ingresos | facturación",
    ),
    "roas": _listed(
        "purchase roas (return on ad spend) | website purchase roas (return on ad spend)",
        "purchase roas | website purchase roas | conv. value / cost | conversion value / cost",
        "roas | roas (%) | roas % | return on ad spend (roas) | return on ad spend",
        "all conv. value / cost | total return on advertising spend (roas)",
        "roas für käufe (return on ad spend) | conv. wert / kosten | conversion wert / kosten",
        "ostude roas | konv. väärtus / kulu | roas des achats | valeur de conv. / coût",
        "roas de compras | valor de conv. / coste | valor de conv. / costo",
    ),
    "budget": _listed(
        "campaign budget | daily budget | budget | campaign daily spend cap",
        "campaign daily budget | campaign budget amount micros | budget micros",
        "campaign budget amount | kampagnenbudget | tagesbudget | budget der kampagne",
        "kampaania eelarve | päevaeelarve | päevane eelarve | eelarve",
        "budget de la campagne | budget de campagne | budget quotidien | budget journalier",
        "presupuesto de la campaña | presupuesto diario | presupuesto",
    ),
    "budget_type": _listed(
        "campaign budget type | budget type | campaign budget mode | budget mode | budget period",
        "campaign budget period | budgettyp | budgetart | kampagnenbudgettyp",
        "kampagnenbudget typ | art des kampagnenbudgets | eelarve tüüp | eelarve liik",
        "kampaania eelarve tüüp | type de budget | type de budget de la campagne",
        "tipo de presupuesto | tipo de presupuesto de la campaña",
    ),
    "budget_shared": _listed(
        "budget explicitly shared | campaign budget explicitly shared | shared budget | is shared"
    ),
    "status": _listed(
        "campaign status | campaign state | campaign delivery | delivery | status | state",
        "delivery status | campaign delivery status",
        "kampagnenstatus | kampagnenauslieferung | auslieferung der kampagne | auslieferung",
        "auslieferungsstatus | kampaania olek | kampaania edastamine | edastamine | olek",
        "état de la campagne | statut de la campagne | diffusion de la campagne | diffusion",
        "statut | état | estado de la campaña | entrega de la campaña | entrega | estado",
    ),
    "currency": _listed(
        "currency code | currency | account currency | customer currency code",
        "währungscode | währung | valuutakood | valuuta | code de devise | code devise | devise",
        "código de moneda | moneda | divisa",
    ),
    "time_zone": _listed(
        "time zone | timezone | account time zone | ad account time zone | customer time zone",
        "timezone name | zeitzone | ajavöönd | fuseau horaire | zona horaria",
    ),
}

# Of these one may be the revenue; two are refused, because a wrong one judges every campaign.
MORE_REVENUE = _listed(
    "total revenue | total conversion value | total conversions value | purchase revenue",
    "purchase conversion value | website purchase conversion value | purchase value",
    "purchases value | total purchase value | conversion revenue | total sales",
    "total purchase value (website) | complete payment value | total complete payment value",
    "total order value | total checkout value | total checkout value in micro dollar",
    "gesamtumsatz | kogutulu | müügitulu | revenu total | ingresos totales",
)

# What a column may be, by the beginnings of words in its name, for a guess that is said and never
# taken. The first field that fits is guessed.
STEMS: Mapping[str, str] = {
    "budget_type": r"budget(typ| typ| mode| period)|eelarve tuup",
    "budget": r"budg|eelarv|presup|budzet|orcament",
    "roas": r"\broas\b|return on|rendite",
    "revenue": r"value|revenue|sales|turnover|gmv|umsatz|wert\b|valeur|valor|ingres|ricavi|fatur"
               r"|kaive|tulu|erlos|vaartus|omzet|chiffre|intak|przych|valore|worth",
    "spend": r"spen[dt]|cost|kost|kulu|spes|gast|depen|cout|cust|koszt|wydat|ausgab|importo"
             r"|inversi|uitgeg|investi|cheltu|расход|затрат|стоимост|費用|花费|消耗",
    "conversions": r"conv|konv|purchas|order|kauf|ost(ud)?\b|achat|compra|bestell|acquist|pedido"
                   r"|result|ergebn|tulem|lead|zakup|konwer|conver|покуп|конверс",
    "clicks": r"click|klick|clic|klik|klops|клик|點擊|点击",
    "impressions": r"impr|view|naitam|kuvam|visualiz|wyswietl|показ|展示",
    "reach": r"reach|reichw|katvus|portee|alcance|copertura|bereik",
    "campaign_id": r"(campa|kampa|камп).*\bid\b|\bid\b.*(campa|kampa)",
    "status": r"stat|deliver|auslief|olek|etat|estado|entrega|diffus",
    "campaign": r"campa|kampa|кампан|キャンペーン|广告系列|line item",
    "date": r"\bda(y|te|ta|tum|g)\b|\btag\b|paev|jour|\bdia\b|fecha|giorno|dzien|\bdag\b|день|дата"
            r"|日期|日付",
    "hour": r"hour|stund|\btund|heure|\bhora\b|godzin",
    "account": r"account|konto|compte|cuenta|advertiser|customer|kunde",
    "currency": r"curren|wahrung|valuut|devise|moneda|valuta",
    "time_zone": r"time ?zone|zeitzone|ajavoond|fuseau|zona horaria",
}  # fmt: skip

# What sounds like a field and is another thing: a budget for longer, a campaign's own dates.
NOT_STEMS: Mapping[str, str] = {
    "budget": r"total|lifetime|life|gesamt|laufzeit|remaining|shared|month|week|account|group|name",
    "date": r"start|end\b|ends|creat|launch|last|first|updat|modif|beginn|ende\b|\bfin\b|inicio"
            r"|debut|algus|lopp|scad|week|month|woche|monat",
}  # fmt: skip

# A ratio or a goal is none of these.
RATIO = (
    r"/|\b(per|cost per|average|avg|share|rate|roas|target|goal|cpc|cpm|cpa|ctr|aov|acos|pro|je"
    r"|kohta|keskmine|durchschnitt\w*|durchschn|moyen\w*|medio|media|por|par|taux|tasa|rate"
    r"|frequency|predicted|by conv time|lift)\b|%"
)

# The end that belongs to a start of a row's time, by the words of the start's name.
ENDS = (
    ("starts", "ends"), ("start", "end"), ("start", "stop"), ("start", "ends"), ("from", "to"),
    ("from", "until"), ("beginning", "end"), ("begin", "end"), ("since", "until"),
    ("first day", "last day"), ("start", "ende"), ("beginn", "ende"), ("von", "bis"),
    ("début", "fin"), ("inicio", "fin"), ("inizio", "fine"), ("algus", "lõpp"),
)  # fmt: skip
ENDS_OF_DATE = ("date stop", "date end", "date ends", "date to", "to date", "period end")
LONGER = (
    r"(?:by )?(?:week|month|quarter|year|woche|kalenderwoche|monat|quartal|jahr|nadal|kuu|kvartal"
    r"|aasta|semaine|mois|trimestre|annee|semana|mes|ano)"
    r"(?: (?:start|starts|starting|beginning|commencing|of.*))?"
)

# A campaign that may spend. Exhausted for today is on; waiting for its date or a review is not.
ACTIVE = _listed(
    "active | enabled | enable | eligible | on | running | live | delivering | serving",
    "eligible (limited) | eligible (learning) | limited by budget | learning | learning limited",
    "limited | recommended | out of budget | campaign out of budget | budget paused",
    "bid strategy learning | bid strategy limited | campaign status enable",
    "status delivery ok | delivery ok | campaign status delivery ok | active with issues",
    "with issues | partially active | misconfigured bid strategy",
    "aktiv | aktiviert | läuft | wird ausgeliefert | lernphase | freigegeben",
    "durch budget eingeschränkt | eingeschränkt | lernphase eingeschränkt",
    "aktiivne | lubatud | töötab | sees | sobilik | õpib | edastamisel | piiratud",
    "actif | active | activé | activée | en cours | en cours de diffusion | éligible | diffusée",
    "apprentissage | limité par le budget | limitée par le budget | en phase d'apprentissage",
    "activo | activa | habilitado | habilitada | habilitados | apto | apta | en curso",
    "en circulación | aprendizaje | limitado por el presupuesto | limitada por el presupuesto",
    "有効 | 配信中 | attivo | attiva | actief | aktywna | активна",
)
PAUSED = _listed(
    "paused | inactive | not delivering | completed | recently completed | archived | deleted",
    "removed | off | disabled | disable | ended | scheduled | rejected | draft | in draft",
    "pending",
    "in review | pending review | under review | not published | not eligible | suspended",
    "canceled | cancelled | closed | stopped | expired | error | processing | incomplete",
    "not started | campaign paused | campaign off | account paused | account suspended",
    "campaign status disable | campaign status delete | status delivery not ok | finished",
    "disapproved | not approved | pending deletion | campaign ended | campaign group paused",
    "advertiser disabled | payment failure | unpublished | terminated | not running",
    "pausiert | inaktiv | beendet | abgeschlossen | archiviert | gelöscht | entfernt | aus",
    "deaktiviert | geplant | abgelehnt | entwurf | wird geprüft | in prüfung | ausstehend",
    "wird nicht ausgeliefert | nicht ausgeliefert | kürzlich abgeschlossen | angehalten",
    "peatatud | mitteaktiivne | lõppenud | lõpetatud | arhiivitud | kustutatud | eemaldatud",
    "väljas | keelatud | ajastatud | tagasi lükatud | mustand | ülevaatamisel | ootel",
    "ei edastata | väljalülitatud",
    "en pause | en veille | mis en veille | mise en veille | suspendu | suspendue | inactif",
    "inactive | terminé | terminée | archivé | archivée | supprimé | supprimée | désactivé",
    "désactivée | programmé | programmée | planifiée | refusé | refusée | brouillon | en attente",
    "en cours d'examen | non diffusée | pas de diffusion | arrêtée",
    "en pausa | pausado | pausada | detenido | detenida | inactivo | inactiva | finalizado",
    "finalizada | completado | completada | archivado | archivada | eliminado | eliminada",
    "quitada | retirada | desactivado | desactivada | inhabilitada | deshabilitada | programado",
    "programada | rechazado | rechazada | borrador | en revisión | pendiente | sin entrega",
    "suspendida | no se está entregando",
    "一時停止 | 停止 | 終了 | 削除済み | in pausa | gepauzeerd | wstrzymana | приостановлена",
)

# What sort of budget it is; a day's is the only one that is kept.
DAILY = _listed(
    "daily | day | per day | /day | a day | budget mode day | daily budget | standard",
    "average daily",
    "tagesbudget | täglich | pro tag | am tag | /tag | päevane | päevas | päevaeelarve",
    "iga päev | quotidien | par jour | /jour | budget quotidien | journalier | diario | diaria",
    "por día | /día | al día | presupuesto diario | durchschn. tagesbudget",
)
NOT_DAILY = _listed(
    "lifetime | total | campaign total | lifetime budget | budget mode total | fixed term",
    "monthly",
    "campaign lifetime | budget mode infinite | unlimited | shared | explicitly shared | weekly",
    "laufzeit | laufzeitbudget | gesamt | gesamtbudget | kampagnengesamtbudget | gemeinsam",
    "gemeinsames budget | monatlich | gemeinsam genutzt",
    "eluaegne | kogu kestus | kogueelarve | kestuse eelarve | jagatud | kuine",
    "global | budget global | durée de vie | budget total | partagé | mensuel",
    "total de la campagne",
    "conjunto | total de la campaña | de por vida | presupuesto total | compartido | mensual",
    "presupuesto conjunto",
)

NO = _listed("no | false | nein | ei | non | faux | falsch | not shared | 0 | - | --")

# The beginning of a total row's name, and a name that is nothing but one; without accents.
TOTAL = (
    r"(?:(?:grand |sub|sub |over ?all )?totals?|gesamt|gesamtsumme|gesamtergebnis|summe"
    r"|zwischensumme|kokku|vahesumma|sous total|totaux|totales)\b"
)
ONLY_TOTAL = (
    TOTAL + r"(?: general)?\s*(?:[:(].*)?"
    r"|(?:results from|ergebnisse aus|resultats de|resultados de|tulemused) \d+.*"
)

MONTHS = tuple(
    frozenset(_listed(names))
    for names in (
        "jan | january | januar | jän | jänner | jaan | jaanuar | janv | janvier | ene | enero",
        "feb | february | februar | veebr | veebruar | févr | fév | février | febr | febrero",
        "mar | march | mär | mrz | märz | märts | mars | marzo",
        "apr | april | aprill | avr | avril | abr | abril",
        "may | mai | mayo",
        "jun | june | juni | juuni | juin | junio",
        "jul | july | juli | juuli | juil | juillet | julio",
        "aug | august | août | aoû | ago | agosto",
        "sep | sept | september | septembre | septiembre | setiembre | set",
        "oct | october | okt | oktober | oktoober | octobre | octubre",
        "nov | november | novembre | noviembre",
        "dec | december | dez | dezember | dets | detsember | déc | décembre | dic | diciembre",
    )
)
# And the little words that stand between day, month and year.
WEEKDAYS = frozenset(
    _listed(
        "mon | tue | tues | wed | thu | thur | thurs | fri | sat | sun | monday | tuesday",
        "wednesday | thursday | friday | saturday | sunday | mo | di | mi | do | fr | sa | so",
        "montag | dienstag | mittwoch | donnerstag | freitag | samstag | sonnabend | sonntag",
        "e | t | k | n | r | l | p | esmaspäev | teisipäev | kolmapäev | neljapäev | reede",
        "laupäev | pühapäev | lun | mar | mer | jeu | ven | sam | dim | lundi | mardi | mercredi",
        "jeudi | vendredi | samedi | dimanche | mié | jue | vie | sáb | dom | lunes | martes",
        "miércoles | jueves | viernes | sábado | domingo",
    )
)
BETWEEN = frozenset(_listed("de | del | of | the | le | el | den | am"))

# Words that scale a number, without points. One that means two things (mil, bill, t) is none.
SCALES: Mapping[str, int] = {
    **dict.fromkeys(_listed("k | tsd | tausend | thousand | tuh | tuhat | tys | 千 | 천 | тыс"), 3),
    **dict.fromkeys(_listed("milliers"), 3),
    **dict.fromkeys(_listed("m | mm | mio | mln | mn | million | millions | millionen"), 6),
    **dict.fromkeys(_listed("milj | miljon | miljonit | millón | millones | mill | млн"), 6),
    **dict.fromkeys(_listed("b | bn | mrd | mlrd | mld | md | mds | milliarde | milliarden"), 9),
    **dict.fromkeys(_listed("milliard | milliards | miljard | miljardit | млрд"), 9),
    **dict.fromkeys(_listed("lakh | lakhs | lac | lacs"), 5),
    **dict.fromkeys(_listed("crore | crores | cr"), 7),
    **dict.fromkeys(_listed("万 | 萬 | 만"), 4),
    **dict.fromkeys(_listed("億 | 亿 | 억"), 8),
}

# ISO 4217, and what else stands beside an amount. A sign of one currency alone says which.
CODES = frozenset(
    _listed(
        "AED | AFN | ALL | AMD | ANG | AOA | ARS | AUD | AWG | AZN | BAM | BBD | BDT | BGN | BHD",
        "BIF | BMD | BND | BOB | BRL | BSD | BTN | BWP | BYN | BZD | CAD | CDF | CHF | CLP | CNY",
        "COP | CRC | CUP | CVE | CZK | DJF | DKK | DOP | DZD | EGP | ERN | ETB | EUR | FJD | FKP",
        "GBP | GEL | GHS | GIP | GMD | GNF | GTQ | GYD | HKD | HNL | HTG | HUF | IDR | ILS | INR",
        "IQD | IRR | ISK | JMD | JOD | JPY | KES | KGS | KHR | KMF | KPW | KRW | KWD | KYD | KZT",
        "LAK | LBP | LKR | LRD | LSL | LYD | MAD | MDL | MGA | MKD | MMK | MNT | MOP | MRU | MUR",
        "MVR | MWK | MXN | MYR | MZN | NAD | NGN | NIO | NOK | NPR | NZD | OMR | PAB | PEN | PGK",
        "PHP | PKR | PLN | PYG | QAR | RON | RSD | RUB | RWF | SAR | SBD | SCR | SDG | SEK | SGD",
        "SHP | SLE | SOS | SRD | SSP | STN | SVC | SYP | SZL | THB | TJS | TMT | TND | TOP | TRY",
        "TTD | TWD | TZS | UAH | UGX | USD | UYU | UZS | VES | VND | VUV | WST | XAF | XCD | XOF",
        "XPF | YER | ZAR | ZMW | ZWL",
    )
)
# Where the smallest amounts that people pay are thousands.
COARSE = frozenset(
    _listed(
        "JPY | KRW | VND | IDR | COP | CLP | PYG | IRR | LBP | UGX | TZS | UZS | HUF | NGN",
        "ISK | GNF",
    )
)
SIGNS: Mapping[str, str] = {
    "€": "EUR", "£": "GBP", "₹": "INR", "₽": "RUB", "₩": "KRW", "₺": "TRY", "₴": "UAH", "₪": "ILS",
    "₫": "VND", "₱": "PHP", "฿": "THB", "zł": "PLN", "zl": "PLN", "Kč": "CZK", "Ft": "HUF",
    "лв": "BGN", "\u0440\u0443\u0431": "RUB", "R$": "BRL", "US$": "USD", "A$": "AUD", "AU$": "AUD",
    "C$": "CAD", "CA$": "CAD", "NZ$": "NZD", "HK$": "HKD", "NT$": "TWD", "S$": "SGD", "MX$": "MXN",
    "SFr": "CHF", "euro": "EUR", "euros": "EUR", "Euro": "EUR", "Rp": "IDR", "RM": "MYR",
    "TL": "TRY",
}  # fmt: skip
MANY_CURRENCIES = _listed("$ | ¥ | ￥ | 円 | 元 | kr | Rs | ₨ | Fr | lei | Dhs | dollars | dollar")

# Names of which one alone says where a file is from; else two of Google's.
SOURCES: Mapping[str, tuple[str, ...]] = {
    "TikTok Ads Manager": _listed("by day | stat time day | complete payment"),
    "Microsoft Advertising": _listed("gregorian date | gregorianisches datum | date grégorienne"),
    "LinkedIn Campaign Manager": _listed("start date (in utc)"),
    "Pinterest Ads": _listed("spend in account currency | spend in micro dollar | pin clicks"),
    "Amazon Ads": _listed("7 day total sales | 14 day total sales | 14 day total orders (#)"),
    "Meta Ads Manager": _listed(
        "amount spent | campaign delivery | reporting starts",
        "time of day (ad account time zone) | ausgegebener betrag | berichtsstart",
        "kulutatud summa | montant dépensé | importe gastado | inline link clicks",
    ),
}
GOOGLE = _listed(
    "impr. | hour of the day | currency code | conv. value | campaign status | cost",
    "conv. wert | kosten | währungscode | konv. väärtus | valuutakood | valeur de conv. | coût",
    "code de devise | valor de conv. | coste | código de moneda | metrics cost micros",
    "metrics conversions value",
)
