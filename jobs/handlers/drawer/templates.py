"""What is drawn for a topic of which nobody says more than its name, in the words that people would use."""

import re

GENERIC_BRANCHES = "What it is; Why it matters; How it works; Who is involved; Examples; Open questions"
GENERIC_PHASES = "Phase 1: idea; Phase 2: plan; Phase 3: build; Phase 4: test; Phase 5: launch"
GENERIC_BOARD = "To do: Collect the tasks, Set priorities; In progress: First task; Done: Create the board"
GENERIC_COMPANY = "CEO > CTO, CFO, COO; CTO > Engineering, IT; CFO > Accounting; COO > Sales, Support"
GENERIC_TREE = "Parts; Roles; Tools"
GENERIC_PAGE = "Header; Welcome; Content; Cards; Footer"

FLOWS = {
    "password reset|(?:reset|forgot).{0,12}password": "Enter email; Send reset link; Is the link still valid?; "
    "Choose new password; Strong enough?; Password changed",
    "sign.?up|register|registration|create (?:an )?account": "Fill in the form; Form valid?; Send confirmation mail; "
    "Mail confirmed?; Account ready",
    "log.?in|log.?on|sign.?in|authenticat": "Enter email and password; check; locked after 3 tries; Logged in",
    "check.?out|shopping|purchase": "Review cart; Enter address; Enter payment; Payment accepted?; "
    "cancelled after 3 tries; Order placed",
    "order": "Receive order; In stock?; no: Order from supplier; Pack items; Ship parcel; Order delivered",
    "onboarding": "Sign contract; Set up accounts; Meet the team; First project; Settled in?; "
    "no: Talk with the mentor; Onboarding complete",
    "support|help.?desk": "Request arrives; Known question?; no: Ask an expert; Answer the customer; Solved?; "
    "no: go back to answer the customer; Closed",
    "bug|triage|incident|issue|ticket": "Report arrives; Can it be reproduced?; no: Ask for details; "
    "Find the cause; Write a fix; Tests pass?; no: go back to write a fix; Released",
    "deploy|release|ci/?cd|continuous": "Merge the change; Run the tests; Tests pass?; "
    "no: rejected; Deploy to staging; Works there?; no: rolled back; Deploy to production; Live",
    "hiring|recruit|job interview|application process": "Publish the job; Screen applications; Suitable?; "
    "no: declined; Interview; Convinced?; no: declined; Make an offer; Hired",
    "r ?& ?d|research|product development|innovation": "Collect ideas; Research; Build a prototype; Works well?; "
    "Run a pilot; Launch",
    "etl|data|analytics|machine learning": "Collect data; Clean it; Is the data valid?; Load it; Build reports; Done",
    "approval|leave request|vacation|expense|invoice": "Submit the request; Is it complete?; Approved?; no: rejected; "
    "Inform the team; Done",
    "refund|return": "Customer asks for a refund; Within 30 days?; no: declined; Receive the item; Item intact?; "
    "no: declined; Pay back the money; Done",
}
TREES = {
    "micro.?service": "Browser -> API gateway; API gateway -> User service, Order service, Payment service; "
    "User service -> User database; Order service -> Order database; Payment service -> Payment provider",
    "architecture|system|infrastructure|network": "Browser -> Web server; Web server -> API; "
    "API -> Database, Cache, Job queue; Job queue -> Worker",
}
PAGES = {
    "log.?in|sign.?in": "Header; Welcome back; Log in form (Email, Password); Footer",
    "sign.?up|register|registration": "Header; Sign up form (Name, Email, Password); Footer",
    "dashboard|admin|analytics": "Navigation (Overview, Reports, Settings); Stats (Users, Orders, Revenue); Chart; "
    "Latest orders; Footer",
    "shop|store|product|e-?commerce": "Navigation (Shop, Sale, Cart); Banner; Products; "
    "Search (Find a product); Footer",
    "blog|news|article": "Navigation (Home, Topics, About); Cover image; Posts; Footer",
    "profile|account|settings": "Header; Profile photo; Settings list (Name, Email, Password); Button: Save; Footer",
    "contact": "Header; Map; Contact us form (Name, Email, Message); Footer",
    "landing|home|website|start|web": "Header; Welcome; Features (Fast, Simple, Safe); Testimonials; Footer",
}
ROADMAP = {"roadmap|quarter|year|plan": "Q1: Research; Q2: First version; Q3: Launch; Q4: Grow"}


def matching(table: dict[str, str], topic: str) -> str | None:
    """The content for the first words of the table that the topic holds."""
    found = (content for words, content in table.items() if re.search(rf"\b(?:{words})", topic, re.IGNORECASE))
    return next(found, None)
