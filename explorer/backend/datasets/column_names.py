"""Column names: what the columns of lists are usually called, in lower case and only letters."""

FILES = frozenset(
    (
        *("file", "files", "filename", "filenames", "filepath", "path", "paths", "fname", "fn", "image", "images", "imageid", "imagename"),
        *("imagepath", "imagefile", "imageindex", "imagefilename", "img", "imgid", "imgname", "imgpath", "picture", "photo", "sound"),
        *("audio", "audiofile", "wav", "clip", "slicefilename", "name", "id", "uuid", "fileid", "isicid", "itemid", "key"),
    )
)
LABELS = (  # in order of precedence
    (
        *("label", "labels", "class", "classes", "classname", "classnames", "classid", "classlabel", "labelname", "labelid", "target"),
        *("targets", "y", "category", "categories", "categoryname", "categoryid", "groundtruth", "gt", "truth"),
    ),
    (
        *("dx", "diagnosis", "breed", "species", "tag", "tags", "variety", "genre", "emotion", "disease", "finding", "findings"),
        *(
            "findinglabels",
            "primarylabel",
            "celltype",
            "digit",
            "instrument",
            "attributeids",
            "klasse",
            "etikett",
            "art",
            "clase",
            "classe",
        ),
    ),
)
LABEL_WORDS = frozenset(("label", "labels", "class", "classes", "category", "target", "diagnosis", "breed", "species", "disease"))
ABOUT = frozenset(  # facts about examples, which are rarely their class
    (
        *("age", "sex", "gender", "width", "height", "depth", "size", "date", "time", "year", "url", "link", "source", "license"),
        *("licence", "author", "location", "localization", "latitude", "longitude", "lat", "lon", "rating", "xmin", "ymin", "xmax", "ymax"),
        *("x", "w", "h", "score", "price", "weight", "count", "length", "truncated", "occluded", "confidence", "comment", "comments"),
        *("notes", "description", "caption", "dxtype", "view", "camera"),
    )
)
GROUPS = frozenset(  # which examples belong together
    (
        *("patient", "patientid", "subject", "subjectid", "lesionid", "speaker", "speakerid", "person", "personid", "participant"),
        *("participantid", "recording", "recordingid", "session", "sessionid", "group", "groupid", "individual", "individualid"),
    )
)
SEVERAL = frozenset(  # columns whose cells may hold several classes
    ("tag", "tags", "labels", "classes", "categories", "targets", "attributes", "attributeids", "findings", "findinglabels")
)
SPLITS = frozenset(("split", "splits", "set", "subset", "usage", "dataset", "datasplit", "partition", "phase", "setid", "part"))
FOLDS = frozenset(("fold", "folds", "kfold", "cv", "foldid"))
