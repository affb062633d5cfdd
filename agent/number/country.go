package number

import (
	"fmt"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// CountryName returns the name of an ISO 3166-1 alpha-2 code in a language ("en"
// or "fr"; others get English). A country that is not in the small table comes
// back as its code with its calling code, "MW (+265)".
func CountryName(code, lang string) string {
	if names, ok := countryNames[code]; ok {
		if lang == "fr" {
			return names[1]
		}
		return names[0]
	}
	if cc := phonenumbers.GetCountryCodeForRegion(code); cc != 0 {
		return fmt.Sprintf("%s (+%d)", code, cc)
	}
	return code
}

// namedCountry returns the country of a number that begins with + and a calling
// code, or "". Calling codes are prefix-free, so the first that fits is right.
func namedCountry(raw string) string {
	rest, ok := strings.CutPrefix(strings.TrimSpace(raw), "+")
	if !ok {
		return ""
	}
	code := 0
	for i := 0; i < len(rest) && i < 3; i++ {
		if rest[i] < '0' || rest[i] > '9' {
			return ""
		}
		code = code*10 + int(rest[i]-'0')
		if r := phonenumbers.GetRegionCodeForCountryCode(code); r != "ZZ" {
			return r
		}
	}
	return ""
}

// countryNames holds short names in English and French. 001 stands for numbers
// that belong to no country.
var countryNames = map[string][2]string{
	"001": {"international service", "service international"},
	"AE":  {"United Arab Emirates", "Émirats arabes unis"},
	"AR":  {"Argentina", "Argentine"},
	"AT":  {"Austria", "Autriche"},
	"AU":  {"Australia", "Australie"},
	"BE":  {"Belgium", "Belgique"},
	"BG":  {"Bulgaria", "Bulgarie"},
	"BR":  {"Brazil", "Brésil"},
	"BS":  {"Bahamas", "Bahamas"},
	"CA":  {"Canada", "Canada"},
	"CH":  {"Switzerland", "Suisse"},
	"CI":  {"Ivory Coast", "Côte d’Ivoire"},
	"CL":  {"Chile", "Chili"},
	"CM":  {"Cameroon", "Cameroun"},
	"CN":  {"China", "Chine"},
	"CO":  {"Colombia", "Colombie"},
	"CR":  {"Costa Rica", "Costa Rica"},
	"CY":  {"Cyprus", "Chypre"},
	"CZ":  {"Czechia", "Tchéquie"},
	"DE":  {"Germany", "Allemagne"},
	"DK":  {"Denmark", "Danemark"},
	"DO":  {"Dominican Republic", "République dominicaine"},
	"DZ":  {"Algeria", "Algérie"},
	"EE":  {"Estonia", "Estonie"},
	"EG":  {"Egypt", "Égypte"},
	"ES":  {"Spain", "Espagne"},
	"FI":  {"Finland", "Finlande"},
	"FR":  {"France", "France"},
	"GB":  {"United Kingdom", "Royaume-Uni"},
	"GR":  {"Greece", "Grèce"},
	"HK":  {"Hong Kong", "Hong Kong"},
	"HR":  {"Croatia", "Croatie"},
	"HT":  {"Haiti", "Haïti"},
	"HU":  {"Hungary", "Hongrie"},
	"ID":  {"Indonesia", "Indonésie"},
	"IE":  {"Ireland", "Irlande"},
	"IL":  {"Israel", "Israël"},
	"IN":  {"India", "Inde"},
	"IS":  {"Iceland", "Islande"},
	"IT":  {"Italy", "Italie"},
	"JM":  {"Jamaica", "Jamaïque"},
	"JP":  {"Japan", "Japon"},
	"KE":  {"Kenya", "Kenya"},
	"KR":  {"South Korea", "Corée du Sud"},
	"LB":  {"Lebanon", "Liban"},
	"LI":  {"Liechtenstein", "Liechtenstein"},
	"LT":  {"Lithuania", "Lituanie"},
	"LU":  {"Luxembourg", "Luxembourg"},
	"LV":  {"Latvia", "Lettonie"},
	"MA":  {"Morocco", "Maroc"},
	"MC":  {"Monaco", "Monaco"},
	"MT":  {"Malta", "Malte"},
	"MX":  {"Mexico", "Mexique"},
	"MY":  {"Malaysia", "Malaisie"},
	"NG":  {"Nigeria", "Nigéria"},
	"NL":  {"Netherlands", "Pays-Bas"},
	"NO":  {"Norway", "Norvège"},
	"NZ":  {"New Zealand", "Nouvelle-Zélande"},
	"PE":  {"Peru", "Pérou"},
	"PH":  {"Philippines", "Philippines"},
	"PL":  {"Poland", "Pologne"},
	"PR":  {"Puerto Rico", "Porto Rico"},
	"PT":  {"Portugal", "Portugal"},
	"RO":  {"Romania", "Roumanie"},
	"RS":  {"Serbia", "Serbie"},
	"SA":  {"Saudi Arabia", "Arabie saoudite"},
	"SE":  {"Sweden", "Suède"},
	"SG":  {"Singapore", "Singapour"},
	"SI":  {"Slovenia", "Slovénie"},
	"SK":  {"Slovakia", "Slovaquie"},
	"SN":  {"Senegal", "Sénégal"},
	"TH":  {"Thailand", "Thaïlande"},
	"TN":  {"Tunisia", "Tunisie"},
	"TR":  {"Turkey", "Turquie"},
	"TT":  {"Trinidad and Tobago", "Trinité-et-Tobago"},
	"TW":  {"Taiwan", "Taïwan"},
	"UA":  {"Ukraine", "Ukraine"},
	"US":  {"United States", "États-Unis"},
	"UY":  {"Uruguay", "Uruguay"},
	"VE":  {"Venezuela", "Venezuela"},
	"VN":  {"Vietnam", "Viêt Nam"},
	"ZA":  {"South Africa", "Afrique du Sud"},
}
