"""Small exports as the platforms write them, in five languages, with what is in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NBSP = "\u00a0"


@dataclass(frozen=True)
class Sample:
    """A file, and what a person who reads it says: sums to the cent, days, states, budgets."""

    name: str
    text: str
    spend: str
    revenue: str
    conversions: str
    clicks: str = "0"
    impressions: str = "0"
    days: tuple[str, ...] = ("2026-11-02", "2026-11-03")
    campaigns: tuple[str, ...] = ("Alder", "Birch")
    currency: str = ""
    encoding: str = "utf-8"
    states: dict[str, str] = field(default_factory=dict)
    budgets: dict[str, float | None] = field(default_factory=dict)
    totals: int = 0
    source: str = ""
    mapping: dict[str, Any] = field(default_factory=dict)


SAMPLES = (
    Sample(
        "Meta, English",
        "Reporting starts,Reporting ends,Campaign name,Campaign delivery,Campaign Budget,"
        "Campaign budget type,Amount spent (EUR),Impressions,Reach,Link clicks,Clicks (all),"
        "Purchases,Purchases conversion value,Cost per purchase\n"
        "2026-11-02,2026-11-02,Alder,active,100,Daily,1012.50,23000,9000,310,400,11,990.10,92.05\n"
        "2026-11-03,2026-11-03,Birch,not_delivering,3000,Lifetime,50.25,9000,4000,90,99,,,\n"
        "2026-11-02,2026-11-03,,,,,1062.75,32000,13000,400,499,11,990.10,\n",
        "1062.75", "990.10", "11", "400", "32000", currency="EUR", totals=1,
        states={"Alder": "active", "Birch": "paused"}, budgets={"Alder": 100, "Birch": None},
        source="Meta Ads Manager",
    ),
    Sample(
        "Meta, German, semicolons",
        "Tag;Kampagnenname;Auslieferung der Kampagne;Kampagnenbudget;Ausgegebener Betrag (EUR);"
        "Impressionen;Reichweite;Link-Klicks;Käufe;Conversion-Wert für Käufe\n"
        "2026-11-02;Alder;Aktiv;120,5;1.012,50;23.000;9.000;310;11;990,10\n"
        "2026-11-03;Birch;Inaktiv;Anzeigengruppenbudget;50,25;9.000;4.000;90;0;0,00\n",
        "1062.75", "990.10", "11", "400", "32000", currency="EUR", encoding="cp1252",
        states={"Alder": "active", "Birch": "paused"}, budgets={"Alder": 120.5, "Birch": None},
        source="Meta Ads Manager",
    ),
    Sample(
        "Meta, Estonian",
        "Päev;Kampaania nimi;Kampaania edastamine;Kampaania eelarve;Kulutatud summa (EUR);"
        "Kuvamised;Katvus;Lingiklõpsud;Ostud;Ostude konversiooniväärtus\n"
        f"02.11.2026;Alder;Aktiivne;100,00;1{NBSP}012,50;23{NBSP}000;9000;310;11;990,10\n"
        "03.11.2026;Birch;Peatatud;50,00;50,25;9000;4000;90;0;0,00\n",
        "1062.75", "990.10", "11", "400", "32000", currency="EUR", encoding="utf-8-sig",
        states={"Alder": "active", "Birch": "paused"}, budgets={"Alder": 100, "Birch": 50},
        source="Meta Ads Manager",
    ),
    Sample(
        "Meta, French",
        "Début des rapports,Fin des rapports,Nom de la campagne,Diffusion de la campagne,"
        "Budget de la campagne,Type de budget de la campagne,Montant dépensé (EUR),Impressions,"
        "Couverture,Clics sur un lien,Achats,Valeur de conversion des achats\n"
        '2026-11-02,2026-11-02,Alder,Active,100,Quotidien,"1012,5",23000,9000,310,11,"990,1"\n'
        '2026-11-03,2026-11-03,Birch,En veille,900,Durée de vie,"50,25",9000,4000,90,0,0\n',
        "1062.75", "990.10", "11", "400", "32000", currency="EUR",
        states={"Alder": "active", "Birch": "paused"}, budgets={"Alder": 100, "Birch": None},
        source="Meta Ads Manager",
    ),
    Sample(
        "Meta, Spanish",
        "Día,Nombre de la campaña,Entrega de la campaña,Presupuesto de la campaña,"
        "Importe gastado (MXN),Impresiones,Alcance,Clics en el enlace,Compras,"
        "Valor de conversión de compras\n"
        "2026-11-02,Alder,Activa,100,1012.5,23000,9000,310,11,990.1\n"
        "2026-11-03,Birch,Inactiva,50,50.25,9000,4000,90,,\n",
        "1062.75", "990.10", "11", "400", "32000", currency="MXN",
        states={"Alder": "active", "Birch": "paused"}, budgets={"Alder": 100, "Birch": 50},
        source="Meta Ads Manager",
    ),
    Sample(
        "Google, English, a preamble, fractions, totals",
        "Campaign report\n2 November 2026 - 3 November 2026\n"
        "Day\tCampaign\tCampaign ID\tCampaign status\tBudget\tBudget type\tCurrency code\tCost\t"
        "Impr.\tClicks\tConversions\tConv. value\tConv. value / cost\n"
        '2026-11-02\tAlder\t77\tEnabled\t100.00\tDaily\tEUR\t"1,012.50"\t"23,000"\t310\t10.75\t990.10'
        '\t0.98\n'
        "2026-11-03\tBirch\t78\tPaused\t90.00\tCampaign total\tEUR\t50.25\t9,000\t90\t0.25\t0.00\t"
        "0\n"
        'Total: Campaigns\t --\t --\t --\t190.00\t --\tEUR\t"1,062.75"\t"32,000"\t400'
        '\t11.00\t990.10\t0.93\n',
        "1062.75", "990.10", "11", "400", "32000", currency="EUR", encoding="utf-16", totals=1,
        states={"Alder": "active", "Birch": "paused"}, budgets={"Alder": 100, "Birch": None},
        source="Google Ads",
    ),
    Sample(
        "Google, German",
        "Kampagnenbericht\n2. November 2026 – 3. November 2026\n"
        "Tag;Kampagne;Kampagnenstatus;Währungscode;Kosten;Impr.;Klicks;Conversions;Conv.-Wert\n"
        "Montag, 2. November 2026;Alder;Aktiviert;EUR;1.012,50;23.000;310;10,75;990,10\n"
        "Dienstag, 3. November 2026;Birch;Entfernt;EUR;50,25;9.000;90;0,25;0,00\n"
        "Gesamt: Kampagnen;--;--;EUR;1.062,75;32.000;400;11,00;990,10\n",
        "1062.75", "990.10", "11", "400", "32000", currency="EUR", totals=1,
        states={"Alder": "active", "Birch": "paused"}, source="Google Ads",
    ),
    Sample(
        "Google, Estonian",
        "Päev;Kampaania;Kampaania olek;Valuutakood;Kulu;Näitamised;Klikid;Konversioonid;"
        "Konv. väärtus\n"
        f"E, 2. nov 2026;Alder;Lubatud;EUR;1{NBSP}012,50;23{NBSP}000;310;10,75;990,10\n"
        "T, 3. nov 2026;Birch;Peatatud;EUR;50,25;9000;90;0,25;0,00\n"
        f"Kokku;;;;1{NBSP}062,75;32{NBSP}000;400;11,00;990,10\n",
        "1062.75", "990.10", "11", "400", "32000", currency="EUR", totals=1,
        states={"Alder": "active", "Birch": "paused"}, source="Google Ads",
    ),
    Sample(
        "Google, French",
        "Jour;Campagne;État de la campagne;Code de devise;Coût;Impr.;Clics;Conversions;"
        "Valeur de conv.\n"
        "lun. 2 nov. 2026;Alder;Activée;EUR;1\u202f012,50;23\u202f000;310;10,75;990,10\n"
        "mar. 3 nov. 2026;Birch;Mise en veille;EUR;50,25;9\u202f000;90;0,25;0,00\n",
        "1062.75", "990.10", "11", "400", "32000", currency="EUR",
        states={"Alder": "active", "Birch": "paused"}, source="Google Ads",
    ),
    Sample(
        "Google, Spanish",
        "Día;Campaña;Estado de la campaña;Código de moneda;Coste;Impr.;Clics;Conversiones;"
        "Valor de conv.\n"
        "lunes, 2 de noviembre de 2026;Alder;Habilitada;EUR;1.012,50;23.000;310;10,75;990,10\n"
        "martes, 3 de noviembre de 2026;Birch;En pausa;EUR;50,25;9.000;90;0,25;0,00\n",
        "1062.75", "990.10", "11", "400", "32000", currency="EUR",
        states={"Alder": "active", "Birch": "paused"}, source="Google Ads",
    ),
    Sample(
        "Google, its API",
        "segments.date,campaign.name,campaign.id,campaign.status,campaign_budget.amount_micros,"
        "customer.currency_code,metrics.cost_micros,metrics.impressions,metrics.clicks,"
        "metrics.conversions,metrics.conversions_value\n"
        "2026-11-02,Alder,77,ENABLED,100000000,EUR,1012500000,23000,310,10.75,990.10\n"
        "2026-11-03,Birch,78,PAUSED,50000000,EUR,50250000,9000,90,0.25,0.0\n",
        "1062.75", "990.10", "11", "400", "32000", currency="EUR",
        states={"Alder": "active", "Birch": "paused"}, budgets={"Alder": 100, "Birch": 50},
        source="Google Ads",
    ),
    Sample(
        "Microsoft, English",
        '"Report Name: Campaign performance"\n"Report Aggregation: Daily"\n\n'
        '"Gregorian date","Account name","Campaign name","Campaign status","Currency code",'
        '"Impressions","Clicks","Spend","Conversions","Revenue"\n'
        '"11/2/2026","Shop","Alder","Active","USD","23000","310","1012.50","11","990.10"\n'
        '"11/3/2026","Shop","Birch","Budget Paused","USD","9000","90","50.25","0","0.00"\n'
        '"11/14/2026","Shop","Birch","Paused","USD","0","0","0.00","0","0.00"\n'
        '"©2026 Microsoft Corporation. All rights reserved. "\n',
        "1062.75", "990.10", "11", "400", "32000", currency="USD",
        days=("2026-11-02", "2026-11-03", "2026-11-14"),
        source="Microsoft Advertising",
    ),
    Sample(
        "Microsoft, German",
        "Gregorianisches Datum;Kontoname;Kampagnenname;Kampagnenstatus;Währungscode;Impressionen;"
        "Klicks;Ausgaben;Konversionen;Umsatz\n"
        "02.11.2026;Laden;Alder;Aktiv;EUR;23.000;310;1.012,50;11;990,10\n"
        "03.11.2026;Laden;Birch;Angehalten;EUR;9.000;90;50,25;0;0,00\n",
        "1062.75", "990.10", "11", "400", "32000", currency="EUR",
        states={"Alder": "active", "Birch": "paused"}, source="Microsoft Advertising",
    ),
    Sample(
        "TikTok",
        "Campaign name,By Day,Campaign status,Budget,Budget mode,Cost,Impressions,Clicks,"
        "Conversions,Total revenue,Currency,CPC\n"
        "Alder,2026-11-02 00:00:00,Active,100,BUDGET_MODE_DAY,1012.50,23000,310,11,990.10,USD,3\n"
        "Birch,2026-11-03 00:00:00,CAMPAIGN_STATUS_DISABLE,900,BUDGET_MODE_TOTAL,50.25,9000,90,0,0,"
        "USD,1\n"
        "Total of 2 results,-,-,-,-,1062.75,32000,400,11,990.10,USD,2\n",
        "1062.75", "990.10", "11", "400", "32000", currency="USD", totals=1,
        states={"Alder": "active", "Birch": "paused"}, budgets={"Alder": 100, "Birch": None},
        source="TikTok Ads Manager",
    ),
    Sample(
        "LinkedIn",
        "Campaign Performance Report (in UTC)\nReport Start: November 2, 2026\n"
        "Report End: November 3, 2026\nDate Generated: November 4, 2026\n\n"
        "Start Date (in UTC)\tAccount Name\tCurrency\tCampaign Name\tCampaign ID\tCampaign Status\t"
        "Daily Budget\tTotal Budget\tTotal Spent\tImpressions\tClicks\tConversions\t"
        "Total Conversion Value\n"
        "11/02/2026\tShop\tEUR\tAlder\t77\tActive\t100.00\t\t1012.50\t23000\t310\t11\t990.10\n"
        "11/03/2026\tShop\tEUR\tBirch\t78\tCompleted\t50.00\t900.00\t50.25\t9000\t90\t0\t0.00\n",
        "1062.75", "990.10", "11", "400", "32000", currency="EUR", encoding="utf-16",
        states={"Alder": "active", "Birch": "paused"}, budgets={"Alder": 100, "Birch": 50},
        source="LinkedIn Campaign Manager", mapping={"date_format": "%m/%d/%Y"},
    ),
    Sample(
        "Pinterest",
        "Date,Campaign name,Campaign ID,Campaign status,Spend in account currency,Impressions,"
        "Pin clicks,Total conversions (Checkout),Total order value (Checkout)\n"
        "2026-11-02,Alder,77,ACTIVE,1012.50,23000,310,11,990.10\n"
        "2026-11-03,Birch,78,ARCHIVED,50.25,9000,90,0,0\n",
        "1062.75", "990.10", "11", "400", "32000",
        states={"Alder": "active", "Birch": "paused"}, source="Pinterest Ads",
    ),
    Sample(
        "Pinterest, micro dollars",
        "Date,Campaign name,Campaign status,SPEND_IN_MICRO_DOLLAR,Impressions,Pin clicks,"
        "Conversions,TOTAL_CHECKOUT_VALUE_IN_MICRO_DOLLAR\n"
        "2026-11-02,Alder,ACTIVE,1012500000,23000,310,11,990100000\n"
        "2026-11-03,Birch,NOT_STARTED,50250000,9000,90,0,0\n",
        "1062.75", "990.10", "11", "400", "32000",
        states={"Alder": "active", "Birch": "paused"}, source="Pinterest Ads",
    ),
    Sample(
        "Amazon",
        "Date,Campaign Name,Status,Budget,Impressions,Clicks,Spend(USD),14 Day Total Orders (#),"
        "14 Day Total Sales ($),ACOS\n"
        '"Nov 02, 2026",Alder,ENABLED,$100.00,"23,000",310,"$1,012.50",11,$990.10,102%\n'
        '"Nov 03, 2026",Birch,Campaign paused,$50.00,"9,000",90,$50.25,0,$0.00,0%\n',
        "1062.75", "990.10", "11", "400", "32000", currency="USD",
        states={"Alder": "active", "Birch": "paused"}, budgets={"Alder": 100, "Birch": 50},
        source="Amazon Ads",
    ),
    Sample(
        "plain, English",
        "id,date,campaign_name,spend_usd,impressions,clicks,conversions,conv_value\n"
        "1,2026-11-02,Alder,1000.50,20000,300,10,900.10\n"
        "2,2026-11-02,Birch,50.25,9000,90,0,0\n"
        "3,2026-11-03,Alder,12.00,3000,10,1,90.00\n",
        "1062.75", "990.10", "11", "400", "32000", currency="USD",
    ),
    Sample(
        "plain, German, cp1252, tabs",
        "Datum\tKampagne\tAusgaben €\tImpressionen\tKlicks\tBestellungen\tUmsatz €\n"
        "Mo, 02.11.2026\tAlder\t1.012,50 €\t23.000\t310\t11\t990,10 €\n"
        "Di, 03.11.2026\tBirch\t50,25 €\t9.000\t90\t–\t– \n",
        "1062.75", "990.10", "11", "400", "32000", currency="EUR", encoding="cp1252",
    ),
    Sample(
        "plain, Swiss",
        "Datum;Kampagne;Kosten;Impressionen;Klicks;Bestellungen;Umsatz\n"
        "02.11.2026;Alder;CHF 1’012.50;23’000;310;11;CHF 990.10\n"
        "03.11.2026;Birch;CHF 50.25;9’000;90;0;CHF 0.00\n",
        "1062.75", "990.10", "11", "400", "32000", currency="CHF",
    ),
    Sample(
        "plain, Estonian",
        "Kuupäev;Kampaania;Kulu;Kuvamised;Klikid;Tellimused;Tulu\n"
        "2. november 2026;Alder;1 012,50 €;23 000;310;11;990,10 €\n"
        "3. nov 2026;Birch;50,25 €;9 000;90;0;0 €\n",
        "1062.75", "990.10", "11", "400", "32000", currency="EUR", encoding="utf-16",
    ),
    Sample(
        "plain, French",
        "Date;Campagne;Dépenses;Impressions;Clics;Commandes;Chiffre d'affaires\n"
        "2 nov. 2026;Alder;1 012,50 €;23 000;310;11;990,10 €\n"
        "mar. 3 novembre 2026;Birch;50,25 €;9 000;90;0;0,00 €\n",
        "1062.75", "990.10", "11", "400", "32000", currency="EUR", encoding="cp1252",
    ),
    Sample(
        "plain, Spanish",
        "Fecha;Campaña;Gasto;Impresiones;Clics;Pedidos;Ingresos\n"
        "2 nov 2026;Alder;1.012,50 €;23.000;310;11;990,10 €\n"
        "3 de noviembre de 2026;Birch;50,25 €;9.000;90;0;0,00 €\n",
        "1062.75", "990.10", "11", "400", "32000", currency="EUR",
    ),
    Sample(
        "plain, Indian",
        "Date,Campaign,Spend,Impressions,Clicks,Orders,Revenue\n"
        '2026-11-02,Alder,"Rs. 1,01,250.00","23,000",310,11,"₹ 1,99,010.00"\n'
        '2026-11-03,Birch,"Rs. 5,025.00","9,000",90,0,₹ 0\n',
        "106275.00", "199010.00", "11", "400", "32000", currency="Rs",
    ),
    Sample(
        "abbreviated by a dashboard",
        "Datum;Kampagne;Kosten;Impressionen;Klicks;Bestellungen;Umsatz\n"
        "02.11.2026;Alder;1,2 Tsd. €;0,02 Mio.;310;11;3,6 Tsd. €\n"
        "03.11.2026;Birch;50,25 €;12.000;90;0;0,00 €\n",
        "1250.25", "3600.00", "11", "400", "32000", currency="EUR",
    ),
)  # fmt: skip
